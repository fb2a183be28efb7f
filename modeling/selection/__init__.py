"""Which genes are a target's modifiers: association with every gene, false discovery, ranking.

Start at `select.select`. Knows nothing of the models that are fitted to what it selects.
"""
