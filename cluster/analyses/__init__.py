"""Results that commands add to a finished store as tables: their records, how they are kept and read.

Start at `writing.keep`. What a result means is not known here, nor how it is computed (`cluster.results`).
"""
