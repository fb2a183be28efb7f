"""Files that are no tables: trained networks, the expression that final models compare samples with, drugs.

Each kind of file is a module: a frozen dataclass, a function that gives its bytes and one that reads them.
How arrays and metadata become bytes, and how a newer format is refused, is in `codec`: start there. Knows
nothing of stores, datasets and methods: the caller names the file and checks its sha256.
"""
