"""Files that are no tables: trained networks, and the expression that final models compare samples with."""
