"""Who works on what and when: shards, the ledger of their states, the driver loop, executors, progress.

Knows nothing of Ray, genes or tables.
"""
