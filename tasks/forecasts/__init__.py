"""Files of predictions, which `knockcast predict` wrote, and of the groups their samples belong to."""
