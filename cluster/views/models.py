"""The table `models` as readers see it: the final fits, each with how far off its target's forecasts were."""

import numpy as np
import pyarrow as pa

from cluster.store.reader import StoreReader
from cluster.views.genes import of_method, scored_folds
from cluster.views.out_of_fold import OutOfFold, read_out_of_fold

LEVELS = (50, 80, 90, 95)
RESIDUALS = tuple(f"residual_{level}" for level in LEVELS)
RESIDUALS_SCHEMA = pa.schema(
    [("method", pa.string()), ("target", pa.string()), *((name, pa.float64()) for name in RESIDUALS)]
)


def models_table(reader: StoreReader) -> pa.Table:
    """The committed `models`, sorted, with the columns of `residuals_table`; weights included."""
    models, known = reader.table("models"), residuals_table(reader)
    keys = zip(known.column("method").to_pylist(), known.column("target").to_pylist(), strict=True)
    place = {key: row for row, key in enumerate(keys)}
    asked = zip(models.column("method").to_pylist(), models.column("target").to_pylist(), strict=True)
    rows = pa.array([place.get(key) for key in asked], pa.int64())
    for name in RESIDUALS:
        models = models.append_column(name, known.column(name).take(rows))
    return models


def residuals_table(reader: StoreReader) -> pa.Table:
    """Per method and target, how far its out-of-fold predictions were off: `residual_50` ... `residual_95`.

    A forecast ± residual_L holds the truth for at least L% of new lines, if they are exchangeable with the
    ones predicted out of fold (split conformal prediction; Vovk et al. 2005); null where too few were.
    """
    scores = scored_folds(reader)
    rows = [
        {"method": method, "target": target, **dict(zip(RESIDUALS, values, strict=True))}
        for method in sorted(set(scores.column("method").to_pylist()))
        for target, values in _residuals(read_out_of_fold(reader, method, of_method(scores, method))).items()
    ]
    return pa.Table.from_pylist(rows, schema=RESIDUALS_SCHEMA)


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
