"""What users' files are, where that differs from DepMap's: told from the files alone, and said.

How text is written (`dialect`), which line (`line_names`) or gene (`gene_ids`) an id means, what the numbers
are (`measure`), and what looks wrong with them (`doubts`, `layer_values`). Text, names and arrays in,
decisions in words out: nothing here reads a file.
"""
