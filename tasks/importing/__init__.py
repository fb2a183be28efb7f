"""From release files or named matrices to a Dataset: reading, checking, aligning.

Start at `importer.import_release`.
"""
