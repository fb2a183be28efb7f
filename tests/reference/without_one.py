"""The lowest r with one row left out, slowly: every row in turn, by scipy."""

import numpy as np
from scipy.stats import pearsonr


def least_without_one(measured: np.ndarray, predicted: np.ndarray, fold_mean: np.ndarray) -> float:
    """0 without a row, where the other rows measure the same, or their predictions are their folds' means."""
    found = []
    for left in range(len(measured)):
        y, x, mean = (np.delete(column, left) for column in (measured, predicted, fold_mean))
        varies = np.ptp(y) > 0 and np.ptp(x - mean) > 0 and np.ptp(y - mean) > 0
        found.append(pearsonr(y - mean, x - mean).statistic if varies else 0.0)
    return min(found)
