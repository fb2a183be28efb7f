"""Statistics of many values at once: correlations, p values, pooled scores, paired tests.

Arrays in, arrays out. Knows nothing of genes, folds or models.
"""
