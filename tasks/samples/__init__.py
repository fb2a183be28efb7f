"""Tables of samples as people have them: what they hold is found out, and put right where that is sure.

`table.read_table` reads any file; `orientation` and `gene_ids` find out which gene each label means, `units`
what the numbers are, `fit` how like the training lines each sample is. `prepare.prepare` does all of it for
new samples. Knows nothing of stores or models: what they need comes in as names of genes and as training
expression.
"""
