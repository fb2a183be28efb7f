"""The table `models` as readers see it: the final fits, each with how far off its target's forecasts were."""

import numpy as np
import pyarrow as pa

from cluster.out_of_fold import OutOfFold, read_out_of_fold
from cluster.store.reader import StoreReader
from cluster.summary import of_method, scored_folds
from tasks.tables import SCHEMAS

LEVELS = (50, 80, 90, 95)
RESIDUALS = tuple(f"residual_{level}" for level in LEVELS)
MODELS_SCHEMA = pa.schema([*SCHEMAS["models"], *((name, pa.float64()) for name in RESIDUALS)])


def models_table(reader: StoreReader) -> pa.Table:
    """The committed `models`, sorted, with `residual_50` ... `residual_95` from the out-of-fold predictions.

    A forecast ± residual_L holds the truth for at least L% of new lines, if they are exchangeable with the
    ones predicted out of fold (split conformal prediction; Vovk et al. 2005); null where too few were.
    """
    models = reader.table("models")
    scores = scored_folds(reader)
    found: dict[tuple[str, str], list[float | None]] = {}
    for method in sorted(set(models.column("method").to_pylist())):
        rows = read_out_of_fold(reader, method, of_method(scores, method))
        found |= {(method, target): values for target, values in _residuals(rows).items()}
    keys = zip(models.column("method").to_pylist(), models.column("target").to_pylist(), strict=True)
    values = [found.get(key, [None] * len(LEVELS)) for key in keys]
    for index, name in enumerate(RESIDUALS):
        models = models.append_column(name, pa.array([row[index] for row in values], pa.float64()))
    return models


def residual_quantile(errors: np.ndarray, level: int) -> float | None:
    """The ceil((n + 1) · level / 100)-th smallest of n sorted absolute errors; None where n is too small."""
    place = -((len(errors) + 1) * level // -100)
    return float(errors[place - 1]) if 1 <= place <= len(errors) else None


def _residuals(rows: OutOfFold) -> dict[str, list[float | None]]:
    errors = np.abs(rows.measured - rows.predicted)
    known = ~np.isnan(errors)
    codes, errors = rows.codes[known], errors[known]
    starts = np.searchsorted(codes, np.arange(len(rows.targets) + 1))
    out = {}
    for code, target in enumerate(rows.targets):
        mine = np.sort(errors[starts[code] : starts[code + 1]])
        out[target] = [residual_quantile(mine, level) for level in LEVELS]
    return out
