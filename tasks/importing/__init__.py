"""From release files, or named matrices, to a Dataset: finding, reading, checking and aligning them.

Start at `importer.import_release`. A new release layout is an entry in `layouts.LAYOUTS`; `layers` are
further inputs, such as mutations. Knows nothing of methods, folds and stores. Every problem of every file is
found before anything is refused, and nothing is written then.
"""
