"""Ray: starting or joining it, running shards as tasks or (with checkpoints) in actors, submitting jobs.

The only importer of Ray.
"""
