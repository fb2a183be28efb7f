"""New samples scored with stored final models.

Knows nothing of stores: models come in as tables and bytes.
"""
