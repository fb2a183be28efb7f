"""Files of what is known of genes: gene sets (GMT) and tables of paralogs, read with every problem named."""
