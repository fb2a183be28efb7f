"""A store's final models on another Dataset: another screen, or a later release, of lines they never saw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.analyses.records import file_input
from cluster.analyses.writing import Kept, keep
from cluster.results.predict import predict_samples
from cluster.store.reader import StoreReader
from cluster.views.run_dataset import dataset_of
from modeling.statistics import metrics
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.samples.prepare import Reading
from tasks.samples.units import LOG2TPM
from tasks.scoring.samples import gene_columns
from tasks.tables.analysis_tables import VALIDATION

RENAMED = 0.95  # of `nearest_r`: lines held out have 0.3 to 0.85, the same line measured anew has more
FEWEST_LINES = 3  # two values always correlate perfectly
COLUMNS = ("method", "target", "dataset", "n", "pearson", "spearman", "rmse", "pearson_pooled", "gain")


@dataclass(frozen=True, eq=False)
class Validation:
    """What the models of a store are worth on lines they never saw.

    `table` has one row per target that both know, best out of fold first: method, target, dataset (its
    content hash), n (new lines measured and predicted), pearson and spearman over those (null under 3, and
    where the measured values are constant), rmse (null where the measures differ), and the store's own
    `pearson_pooled` and `gain`. `new` lines are used, `seen` ones dropped, and so are `renamed` ones, whose
    expression is that of a line the models were trained on. `flipped`: of one measure lower is stronger, of
    the other higher, so predictions count with the other sign. `notes` say what to know of the models.
    """

    method: str
    table: pd.DataFrame
    new: int
    seen: int
    measures: tuple[str, str]
    flipped: bool
    notes: tuple[str, ...] = ()
    renamed: int = 0


def validate(reader: StoreReader, dataset: Dataset, method: str | None = None) -> Validation:
    """Predict the Dataset's lines that the store's final models never saw, and compare with what it measured.

    `method` as `predict.predict_samples` takes it. Raises BadInputError where fewer than 3 lines are new, no
    target is shared, or the lines cannot be predicted.
    """
    seen = lines_seen(reader)
    rows = [i for i, line in enumerate(dataset.cell_lines) if line not in seen]
    _check_lines(reader, dataset, len(rows))
    lines = [dataset.cell_lines[i] for i in rows]
    samples = pd.DataFrame(dataset.expression[rows], index=lines, columns=dataset.genes)
    made = predict_samples(reader, samples, method, reading=Reading(LOG2TPM, "samples"))
    renamed = made.samples["nearest_r"].to_numpy() > RENAMED  # not where there is nothing to compare with
    _check_lines(reader, dataset, len(rows) - int(renamed.sum()))
    rows = [row for row, is_one in zip(rows, renamed, strict=True) if not is_one]
    predicted = made.predicted.loc[~renamed]
    measures = reader.run.get("measure", "effect"), dataset.measure
    flipped = (measures[0] == "effect") != (measures[1] == "effect")
    place = gene_columns(dataset.targets)
    shared = [target for target in predicted.columns if target in place]
    if not shared:
        raise BadInputError(
            f"{dataset.path}: none of its {len(dataset.targets)} targets has a model in {reader.fs.name}; "
            "expected the same gene symbols"
        )
    measured = np.asarray(dataset.effect[rows], dtype=np.float64)[:, [place[target] for target in shared]]
    scores = _scores(measured, predicted[shared].to_numpy(np.float64), -1.0 if flipped else 1.0)
    if measures[0] != measures[1]:
        scores["rmse"] = np.nan
    trust = made.trust.set_index("target").loc[shared]
    table = scores.assign(target=shared, dataset=dataset.content_hash)
    for name in ("pearson_pooled", "gain"):
        table[name] = trust[name].to_numpy(np.float64)
    table["method"] = trust["method"].to_numpy() if "method" in trust else made.method
    table = table[list(COLUMNS)].sort_values(
        ["pearson_pooled", "target"], ascending=[False, True], ignore_index=True
    )
    count = int(renamed.sum())
    seen_rows = len(dataset.cell_lines) - len(rows) - count
    return Validation(
        made.method, table, len(rows), seen_rows, measures, flipped, made.model_notes, renamed=count
    )


def keep_validation(reader: StoreReader, dataset: Dataset, method: str | None, made: Validation) -> Kept:
    """Add the result of `validate`, called with the same arguments, to the store as table `validation`."""
    schema = pa.schema(list(VALIDATION.schema)[1:])
    inputs = {
        "dataset": file_input(dataset.path.absolute().name, dataset.content_hash),
        "method": method or "auto",
    }
    rows = pa.Table.from_pandas(made.table, schema=schema, preserve_index=False)
    return keep(reader, "validate", inputs, {"validation": rows.replace_schema_metadata(None)})


def lines_seen(reader: StoreReader) -> frozenset[str]:
    """The cell lines of the store's Dataset, on all of which final models are fitted.

    From the Dataset, where it still lies where a run found it; else those of the predictions, which under
    scheme `kfold` are all that have an effect. Raises BadInputError under other schemes.
    """
    if (dataset := dataset_of(reader, verify=False)) is not None:
        return frozenset(dataset.cell_lines)
    if reader.run.get("scheme") != "kfold":
        raise BadInputError(
            f"{reader.fs.name}: its Dataset is no longer at {' or '.join(reader.datasets()) or 'any place'}, "
            "and not every line it trained on is in its predictions; put the Dataset back there"
        )
    parts = (rows for _, rows in reader.parts("predictions", ("cell_line",)))
    return frozenset(line for rows in parts for line in rows.column("cell_line").unique().to_pylist())


def headlines(made: Validation) -> list[str]:
    """The answer in one sentence, then what it rests on."""
    known = made.table.dropna(subset=["pearson", "pearson_pooled"])
    r, own = known["pearson"], known["pearson_pooled"]
    ours, theirs = made.measures
    lines = [
        f"Over {len(known)} targets the mean r is {r.mean():.3f} on {made.new} new lines, against "
        f"{own.mean():.3f} out of fold ({made.method})."
        if len(known)
        else f"No target can be scored on the {made.new} new lines: none varies there.",
        f"{made.seen} lines of it were dropped: the models were trained on them",
    ]
    if made.renamed:
        lines.append(
            f"{made.renamed} more were dropped: their expression is that of lines the models were trained "
            f"on, under another name (r above {RENAMED})"
        )
    if len(known):
        counts = ", ".join(f"r > {bar}: {(r > bar).sum()} against {(own > bar).sum()}" for bar in (0.2, 0.4))
        lines.append(f"targets with {counts} out of fold")
    if made.flipped:
        lines.append(
            f"it holds {theirs}, the store {ours}: stronger is lower in one and higher in the other, so "
            "predictions count with the other sign"
        )
    if ours != theirs:
        lines.append(f"no RMSE: {ours} and {theirs} have no common unit")
    if left := len(made.table) - len(known):
        lines.append(
            f"{left} more targets are known to both but cannot be scored (constant, or under 3 lines)"
        )
    return [*lines, *made.notes]


def _check_lines(reader: StoreReader, dataset: Dataset, new: int) -> None:
    if new >= FEWEST_LINES:
        return
    whole = len(dataset.cell_lines)
    which = "every one" if not new else f"all but {new}"
    raise BadInputError(
        f"{dataset.path}: {which} of its {whole} lines trained the models of {reader.fs.name}, and at least "
        f"{FEWEST_LINES} new ones are needed: a line that was seen says nothing of new ones. Give a Dataset "
        "with other lines; how well lines set aside are predicted is in the table `genes`"
    )


def _scores(measured: np.ndarray, predicted: np.ndarray, sign: float) -> pd.DataFrame:
    rows: list[Sequence[float]] = []
    for true, made in zip(measured.T, predicted.T, strict=True):
        known = ~(np.isnan(true) | np.isnan(made))
        x, y = true[known], sign * made[known]
        if len(x) < FEWEST_LINES:
            rows.append((len(x), np.nan, np.nan, np.nan))
        else:
            rows.append((len(x), metrics.pearson(x, y), metrics.spearman(x, y), metrics.rmse(x, y)))
    table = pd.DataFrame(rows, columns=["n", "pearson", "spearman", "rmse"])
    return table.astype({"n": np.int32})
