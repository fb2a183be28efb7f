"""What a fold's targets teach together (method `best`), from the panel to a file, and its fits.

`lines` compares cell lines, `learning` makes the file once a fold, `preparing` reads it for a fold's shards,
`fitting` fits a block of targets. Knows nothing of stores and Ray.
"""
