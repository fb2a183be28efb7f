"""One method's q of every target, from the pooled r alone: what a single gene's page needs of all others."""

import numpy as np

from cluster.store.reader import StoreReader
from cluster.views.genes import lacking_targets, of_method, scored_folds
from cluster.views.out_of_fold import read_out_of_fold
from modeling.statistics.metrics import benjamini_hochberg
from modeling.statistics.pooling import pooled_many


def q_values(reader: StoreReader, method: str) -> dict[str, float]:
    """Column `q_value` of `genes`, by target; one without a committed fold is not in it, and has q = 1."""
    rows = read_out_of_fold(
        reader, method, of_method(scored_folds(reader), method), values=("measured", "predicted")
    )
    p = np.ones(len(rows.targets))
    for block in rows.blocks():
        columns = (rows.codes[block], rows.measured[block], rows.predicted[block], rows.fold_mean[block])
        pooled = pooled_many(*columns)
        p[pooled.targets] = np.where(np.isnan(pooled.p), 1.0, pooled.p)
    lacking = lacking_targets(reader, method, rows.targets)
    q = benjamini_hochberg(np.concatenate([p, np.ones(lacking)]))
    return dict(zip(rows.targets, q[: len(p)].tolist(), strict=True))
