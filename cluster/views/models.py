"""The tables `models` and `networks` as readers see them: with what is known only after the fits.

A final model gets how far off its target's out-of-fold predictions were, a network the file of its weights.
"""

import numpy as np
import pyarrow as pa

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.views.genes import of_method, scored_folds
from cluster.views.out_of_fold import OutOfFold, read_out_of_fold
from modeling.statistics.pooling import runs_of
from tasks.tables.schemas import TABLES
from tasks.tables.target_tables import MODELS, RESIDUAL_LEVELS, RESIDUALS

RESIDUALS_SCHEMA = pa.schema([MODELS.schema.field(name) for name in (*MODELS.key, *RESIDUALS)])


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


def networks_table(reader: StoreReader) -> pa.Table:
    """The committed `networks`, sorted; `file` is its path in the store, `sha256` that of its bytes."""
    table = TABLES["networks"]
    parts = [table.schema.empty_table()]
    for commit, rows in reader.parts("networks"):
        # Networks of profiles and drugs are scored and not kept.
        file = commit.other_files[0] if commit.other_files else None
        values = (None, None) if file is None else (file.path, file.sha256)
        named = (pa.array([text] * len(rows), pa.string()) for text in values)
        parts.append(pa.table([*rows.columns, *named], schema=table.schema))
    return sort_rows(pa.concat_tables(parts), table.key)


def residuals_table(reader: StoreReader) -> pa.Table:
    """Per method and target, how far its out-of-fold predictions were off: `residual_50` ... `residual_95`.

    A prediction ± residual_L holds the truth for at least L% of new lines, if they are exchangeable with the
    ones predicted out of fold (split conformal prediction; Vovk et al. 2005); null where too few were. Of a
    method that read other inputs too, what expression alone predicts counts, as in its final models.
    """
    scores = scored_folds(reader)
    methods = sorted(set(scores.column("method").to_pylist()))
    parts = [
        residuals_of(method, read_out_of_fold(reader, method, of_method(scores, method)).of_expression())
        for method in methods
    ]
    return pa.concat_tables([RESIDUALS_SCHEMA.empty_table(), *parts])


def residuals_of(method: str, rows: OutOfFold) -> pa.Table:
    """One method's rows of `residuals_table`, from its out-of-fold predictions."""
    named = [
        {"method": method, "target": target, **dict(zip(RESIDUALS, values, strict=True))}
        for target, values in _residuals(rows).items()
    ]
    return pa.Table.from_pylist(named, schema=RESIDUALS_SCHEMA)


def residual_quantile(errors: np.ndarray, level: int) -> float | None:
    """The ceil((n + 1) · level / 100)-th smallest of n sorted absolute errors; None where n is too small."""
    place = -((len(errors) + 1) * level // -100)
    return float(errors[place - 1]) if 1 <= place <= len(errors) else None


def _residuals(rows: OutOfFold) -> dict[str, list[float | None]]:
    none = np.empty(0)
    out = {target: [residual_quantile(none, level) for level in RESIDUAL_LEVELS] for target in rows.targets}
    for block in rows.blocks():
        errors = np.abs(rows.measured[block] - rows.predicted[block])
        codes, starts, sizes = runs_of(rows.codes[block])
        for code, start, size in zip(codes, starts, sizes, strict=True):
            mine = np.sort(errors[start : start + size])  # NaN come last
            mine = mine[: size - np.isnan(mine).sum()]
            out[rows.targets[code]] = [residual_quantile(mine, level) for level in RESIDUAL_LEVELS]
    return out
