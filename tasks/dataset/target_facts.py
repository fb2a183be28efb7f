"""What is known of each target before anything is fitted: class, mean, spread, own expression."""

import numpy as np
import pyarrow as pa

from tasks.dataset.dataset import Dataset
from tasks.dataset.gene_classes import classify


def target_facts(dataset: Dataset) -> pa.Table:
    """One row per target: target, entrez, class, mean, sd and own_expression (whether it is known).

    mean and sd are over the lines with a measured effect (null, and the class empty, where there is none).
    """
    effect = np.asarray(dataset.effect, dtype=np.float64)
    known = np.count_nonzero(~np.isnan(effect), axis=0)
    total = np.nansum(effect, axis=0)
    mean = np.divide(total, known, out=np.full(len(known), np.nan), where=known > 0)
    sd = np.full(len(known), np.nan)
    several = known > 1
    sd[several] = np.nanstd(effect[:, several], axis=0, ddof=1)
    sd[known == 1] = 0.0
    classes = [
        "" if k == 0 else classify(m, s, dataset.measure) for k, m, s in zip(known, mean, sd, strict=True)
    ]
    return pa.table(
        {
            "target": pa.array(dataset.targets, pa.string()),
            "entrez": pa.array(dataset.target_entrez, pa.int64()),
            "class": pa.array(classes, pa.string()),
            "mean": pa.array(mean, pa.float64(), from_pandas=True),
            "sd": pa.array(sd, pa.float64(), from_pandas=True),
            "own_expression": pa.array(dataset.own >= 0, pa.bool_()),
        }
    )


def missing_pattern_order(dataset: Dataset) -> dict[str, int]:
    """A rank for each target that puts targets missing on the same cell lines side by side.

    A shard then prepares the genes once for each pattern it meets. Patterns stand in the order in which they
    first occur, targets within one in the dataset's order.
    """
    missing = np.packbits(np.isnan(dataset.effect), axis=0).T
    patterns: dict[bytes, int] = {}
    ranks = [patterns.setdefault(row.tobytes(), len(patterns)) for row in missing]
    order = sorted(range(len(ranks)), key=lambda i: (ranks[i], i))
    return {dataset.targets[i]: place for place, i in enumerate(order)}
