"""Slow, obvious scores with scipy and statsmodels; nothing of ours is imported."""

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests


def pooled_slow(measured, predicted, fold_mean):
    """(r, low, high, p) of one target by scipy, the fold's training mean subtracted from both sides."""
    x, y = measured - fold_mean, predicted - fold_mean
    result = stats.pearsonr(x, y, alternative="greater")
    half = stats.norm.ppf(0.975) / np.sqrt(len(x) - 3)
    z = np.arctanh(result.statistic)
    return result.statistic, np.tanh(z - half), np.tanh(z + half), result.pvalue


def benjamini_hochberg_slow(p):
    """statsmodels over the p-values that are not NaN."""
    q = np.full(len(p), np.nan)
    made = ~np.isnan(p)
    if made.any():
        q[made] = multipletests(p[made], method="fdr_bh")[1]
    return q


def jaccard_slow(sets):
    """Mean over pairs of intersection over union."""
    pairs = [(sets[i], sets[j]) for i in range(len(sets)) for j in range(i + 1, len(sets))]
    values = [len(a & b) / len(a | b) for a, b in pairs if a or b]
    return np.mean(values) if values else np.nan
