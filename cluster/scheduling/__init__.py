"""What runs where and when: shards, the ledger of their states, the driver, executors, progress.

Knows nothing of Ray, genes or tables.
"""
