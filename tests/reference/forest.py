"""The production systems' forest as a user of scikit-learn would write it; nothing of ours is imported."""

import numpy as np
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.pipeline import make_pipeline


def forest_on_best_slow(expression, effect, random_state, genes=1000):
    """A fitted pipeline: the best genes by f_regression, then the forest with its out-of-bag error."""
    forest = RandomForestRegressor(
        100, max_depth=8, min_samples_leaf=5, random_state=random_state, oob_score=True
    )
    best = SelectKBest(f_regression, k=min(genes, expression.shape[1]))
    return make_pipeline(best, forest).fit(expression.astype(np.float64), effect)


def top_genes_slow(expression, effect, count):
    """Columns by |r| to 12 digits, ties to the lower; constant genes last. One scipy call a gene."""
    x, y = expression.astype(np.float64), effect.astype(np.float64)
    size = [
        -1.0 if np.ptp(gene) == 0 else float(f"{abs(stats.pearsonr(gene, y).statistic):.11e}") for gene in x.T
    ]
    return sorted(sorted(range(x.shape[1]), key=lambda g: (-size[g], g))[:count])
