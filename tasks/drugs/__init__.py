"""Method `drugs`: a dataset's drugs, the models that predict them, and the ranking for new samples.

Start at `drugs.drug_data` (what a dataset knows) and `folds.drug_fold` (the work of one fold). Knows nothing
of release files and stores; a final ranking is a file of `tasks.artifacts.files`.
"""
