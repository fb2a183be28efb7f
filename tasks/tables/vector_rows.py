"""Rows of `profile_scores`: how well forecasts follow measurements, for one name after another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from modeling.statistics import metrics

FEWEST_VALUES = 3  # two values always correlate perfectly


def correlation_rows(
    said: Mapping[str, Any],
    names: Sequence[str],
    measured: Float[np.ndarray, "names values"],
    forecast: Float[np.ndarray, "names values"],
) -> dict[str, Any]:
    """A block of rows, one for each name: `said`, its number of measured values, Pearson's r and Spearman's.

    Values that are NaN in `measured` do not count; r is NaN with fewer than `FEWEST_VALUES` of them, where
    they are all equal, or where one of them was not forecast.
    """
    n = np.zeros(len(names), dtype=np.int32)
    pearson, spearman = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for i, (values, guesses) in enumerate(zip(measured, forecast, strict=True)):
        known = ~np.isnan(values)
        n[i] = known.sum()
        if n[i] >= FEWEST_VALUES:
            pearson[i] = metrics.pearson(values[known], guesses[known])
            spearman[i] = metrics.spearman(values[known], guesses[known])
    of = np.array(names, dtype=object)
    return {**said, "name": of, "n": n, "pearson": pearson, "spearman": spearman}
