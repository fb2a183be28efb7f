"""Predictions one a row: with the interval, and where each stands among lines and among targets."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cluster.results.predict import Prediction

ROWS_AT_ONCE = 1 << 20


def long_table(made: Prediction) -> pd.DataFrame:
    """One row per sample and target that is predicted, the strongest dependency of each sample first.

    Columns: sample, target, predicted; `low` and `high`, the interval; `percentile`, the percent of training
    lines that are predicted weaker out of fold; `rank` within the sample, 1 for the strongest dependency,
    equal ones sharing the smaller rank; `trust`, the pooled out-of-fold r of the target by the method;
    `method`; and `flagged`, whether the sample is unlike the training lines (`Prediction.samples` says why).
    Raises ValueError for predictions made without an interval.
    """
    return pd.concat(long_blocks(made), ignore_index=True)


def long_blocks(made: Prediction, rows: int = ROWS_AT_ONCE) -> Iterator[pd.DataFrame]:
    """`long_table` in blocks of whole samples, of about so many rows: a genome's would fill the memory."""
    if made.low is None or made.high is None:
        raise ValueError("predictions without an interval: predict with interval=0.9")
    values, low, high = (frame.to_numpy() for frame in (made.predicted, made.low, made.high))
    percentile, trust = _percentiles(made), _trust(made)
    targets = made.predicted.columns.to_numpy(dtype=object)
    methods = np.array(made.methods, dtype=object)
    flagged = made.samples["flagged"].to_numpy(dtype=bool)
    at_once = max(1, rows // max(1, len(targets)))
    for start in range(0, len(values), at_once):
        block = slice(start, start + at_once)
        rank = _ranks(values[block], made.low_is_strong)
        order = np.argsort(rank, axis=1, kind="stable")
        line = np.broadcast_to(np.arange(len(rank))[:, None], rank.shape)
        by = made.made_by[block][line, order]
        kept = by >= 0
        line, column, by = line[kept], order[kept], by[kept]
        row = line + start
        yield pd.DataFrame(
            {
                "sample": made.predicted.index.to_numpy()[row],
                "target": targets[column],
                "predicted": values[row, column],
                "low": low[row, column],
                "high": high[row, column],
                "percentile": percentile[row, column],
                "rank": rank[line, column].astype(np.int64),
                "trust": trust[by, column],
                "method": methods[by],
                "flagged": flagged[row],
            }
        )


def _percentiles(made: Prediction) -> np.ndarray:
    out = np.full(made.predicted.shape, np.nan)
    values = made.predicted.to_numpy()
    for column, target in enumerate(made.predicted.columns):
        by = made.made_by[:, column]
        for method in np.unique(by[by >= 0]):
            mine = by == method
            known = made.calibrations[made.methods[method]]
            out[mine, column] = known.percentile(target, values[mine, column], made.low_is_strong)
    return out


def _trust(made: Prediction) -> np.ndarray:
    """methods x targets."""
    trust = [made.calibrations[method].trust for method in made.methods]
    rows = [[known.get(target) for target in made.predicted.columns] for known in trust]
    return np.array(rows, dtype=np.float64)


def _ranks(values: np.ndarray, low_is_strong: bool) -> np.ndarray:
    """Of each row's values, 1 for the strongest; NaN last."""
    strength = np.where(np.isnan(values), np.inf, values if low_is_strong else -values)
    ordered = np.sort(strength, axis=1)
    return np.array([np.searchsorted(o, s) for o, s in zip(ordered, strength, strict=True)]) + 1
