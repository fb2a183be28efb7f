"""Ray: starting or joining it, running shards as tasks, training networks in actors, submitting jobs.

The only importer of Ray.
"""
