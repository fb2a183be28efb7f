"""The table `genes`: how well each target is predicted over all its folds, computed from committed rows."""

from collections import Counter, defaultdict
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.folds import control_folds
from cluster.views.out_of_fold import OutOfFold, read_out_of_fold
from cluster.views.run_dataset import lineages_of
from modeling.statistics.metrics import benjamini_hochberg, mean_jaccard
from modeling.statistics.permutation import shuffled_many
from modeling.statistics.pooling import pooled_many
from tasks.tables.computed_tables import GENES

GENES_SCHEMA = GENES.schema
P_VALUES = ("value", "permuted")  # columns p_... and q_...
POOLED = (
    "pearson_pooled",
    "pearson_low",
    "pearson_high",
    "p_value",
    "pearson_permuted",
    "p_permuted",
    "pearson_lineage",
    "pearson_own",
    "pearson_confounders",
    "pearson_expression",
    "rmse",
    "rmse_mean",
)
SCORE_COLUMNS = ("method", "target", "fold", "model", "pearson", "pearson_expression", "train_mean")

BASELINES_OF_GAIN = ("lineage", "own")
BASELINES = (*BASELINES_OF_GAIN, "confounders", "expression")

Columns = dict[str, np.ndarray]


def genes_table(reader: StoreReader, only: Collection[str] | None = None) -> pa.Table:
    """One row per method and target that has a committed fold or was quarantined, sorted; `GENES_SCHEMA`.

    `folds` counts the committed folds, `n` the rows pooled; control folds (the random twins of held-out
    lineages) count nowhere. `pearson` is the mean of the folds' r. The pooled scores (of the model, of the
    lineage alone, of the target's own expression) subtract each fold's training mean first
    (`statistics.pooling`). The `permuted` columns come from shuffling measured values over the lines of one
    fold and lineage (`statistics.permutation`). A target without a p counts as
    p = 1; q is Benjamini–Hochberg over every target the run wants of the method, those not committed included
    at p = 1. With `only`, those targets alone are read, quickly, and q, which needs all of them, is null.
    """
    scores = scored_folds(reader, only)
    methods = sorted(set(scores.column("method").to_pylist()))
    parts = [_of_method(reader, method, of_method(scores, method), only) for method in methods]
    table = pa.concat_tables([GENES_SCHEMA.empty_table(), *parts, unpredicted(reader, scores, only)])
    return sort_rows(table, ("method", "target")).combine_chunks()


def scored_folds(reader: StoreReader, only: Collection[str] | None = None) -> pa.Table:
    """The committed scores (of some targets), without the final fits' and those of control folds."""
    scores = reader.table("scores", SCORE_COLUMNS, only)
    aside = pa.array(sorted(_not_scored(reader)), pa.int32())
    return scores.filter(pc.invert(pc.is_in(scores.column("fold"), value_set=aside)))


def _not_scored(reader: StoreReader) -> frozenset[int]:
    """The folds that say nothing of how well a target is predicted."""
    return control_folds(reader.run) | {FINAL_FOLD}


def of_method(table: pa.Table, method: str) -> pa.Table:
    """The rows of one method."""
    return table.filter(pc.equal(table.column("method"), method))


def _of_method(reader: StoreReader, method: str, scores: pa.Table, only: Collection[str] | None) -> pa.Table:
    rows = read_out_of_fold(reader, method, scores, only, lineages=lineages_of(reader))
    stability = _stability(reader, method, scores, rows.targets, only)
    return _summary(reader, method, scores, rows, pooled_scores(rows), stability, only)


def judged_targets(
    reader: StoreReader, method: str, final_models: bool = False
) -> tuple[pa.Table, OutOfFold]:
    """One method's rows of `genes`, and the out-of-fold predictions they come from.

    Without what takes long: `stability`, the `permuted` columns and the baselines that `gain` does not count
    are as where there is nothing. If `final_models` are judged, which are of expression alone, all is of what
    expression alone predicts, of a method that read other inputs too.
    """
    scores = of_method(scored_folds(reader), method)
    values = ("measured", "predicted", *(f"predicted_{name}" for name in (*BASELINES_OF_GAIN, "expression")))
    rows = read_out_of_fold(reader, method, scores, values=values)
    if final_models:
        rows = rows.of_expression()
        by_expression = pc.coalesce(scores.column("pearson_expression"), scores.column("pearson"))
        scores = scores.set_column(scores.schema.get_field_index("pearson"), "pearson", by_expression)
    table = _summary(
        reader, method, scores, rows, pooled_scores(rows, whole=False), np.full(len(rows.targets), np.nan)
    )
    lost = of_method(unpredicted(reader, scores, None), method)
    return sort_rows(pa.concat_tables([table, lost]), ("target",)).combine_chunks(), rows


def _summary(
    reader: StoreReader,
    method: str,
    scores: pa.Table,
    rows: OutOfFold,
    pooled: Columns,
    stability: np.ndarray,
    only: Collection[str] | None = None,
) -> pa.Table:
    """The rows of `genes` of one method, from its scores and its out-of-fold predictions."""
    columns = {
        **pooled,
        **_p_and_q(reader, method, rows.targets, pooled, only is None),
        **_over_folds(scores, rows.targets),
        **_facts(reader.targets(), rows.targets),
        "method": [method] * len(rows.targets),
        "target": rows.targets,
        "stability": stability,
    }
    arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in GENES_SCHEMA]
    return pa.table(arrays, schema=GENES_SCHEMA)


def unpredicted(reader: StoreReader, scores: pa.Table, only: Collection[str] | None) -> pa.Table:
    """The quarantined targets without a committed fold: nothing is predicted, so p = q = 1."""
    known = set(zip(scores.column("method").to_pylist(), scores.column("target").to_pylist(), strict=True))
    aside = _not_scored(reader)
    units = [unit for unit in reader.quarantined() if unit.fold not in aside and not unit.is_fold_level]
    keys = {(unit.method, unit.target) for unit in units if only is None or unit.target in only}
    lost = sorted(keys - known)
    facts = _facts(reader.targets(), tuple(target for _, target in lost))
    rows = [
        {"method": method, "target": target, "folds": 0, "n": 0}
        | {f"p_{name}": 1.0 for name in P_VALUES}
        | {f"q_{name}": 1.0 if only is None else None for name in P_VALUES}
        | {name: values[at] for name, values in facts.items()}
        for at, (method, target) in enumerate(lost)
    ]
    return pa.Table.from_pylist(rows, schema=GENES_SCHEMA)


def _p_and_q(
    reader: StoreReader, method: str, targets: tuple[str, ...], pooled: Columns, with_q: bool
) -> Columns:
    """Each p, 1 where there is none, with its q over the same targets; NaN without all of them."""
    out = {
        f"p_{name}": np.where(np.isnan(pooled[f"p_{name}"]), 1.0, pooled[f"p_{name}"]) for name in P_VALUES
    }
    lacking = lacking_targets(reader, method, targets) if with_q else 0
    for name in P_VALUES:
        p = out[f"p_{name}"]
        q = benjamini_hochberg(np.concatenate([p, np.ones(lacking)]))[: len(p)]
        out[f"q_{name}"] = q if with_q else np.full(len(p), np.nan)
    return out


def lacking_targets(reader: StoreReader, method: str, targets: tuple[str, ...]) -> int:
    """How many targets the run wants of a method and has nothing of yet."""
    wanted = {
        unit.target
        for unit in reader.wanted_units()
        if unit.method == method and unit.fold != FINAL_FOLD and not unit.is_fold_level
    }
    return len(wanted.difference(targets))


def pooled_scores(rows: OutOfFold, whole: bool = True) -> Columns:
    """Per target, from its out-of-fold rows: pooled r of model and baselines, gain, interval, p, errors.

    If not `whole`, what takes most of the time is left out, as NaN: the `permuted` columns, and baselines
    that `gain` does not count.
    """
    out = {name: np.full(len(rows.targets), np.nan) for name in POOLED}
    out["n"] = np.zeros(len(rows.targets), np.int64)
    with ThreadPoolExecutor(2) as pool:  # numpy lets both work; no two blocks share a target
        list(pool.map(partial(_pool_block, rows, whole, out), rows.blocks()))
    simple = np.fmax(0.0, np.fmax(out["pearson_lineage"], out["pearson_own"]))
    return {**out, "gain": out["pearson_pooled"] - simple}


def _pool_block(rows: OutOfFold, whole: bool, out: Columns, block: slice) -> None:
    """The scores of a block's targets, into their places of `out`."""
    codes, measured, mean = rows.codes[block], rows.measured[block], rows.fold_mean[block]
    model = pooled_many(codes, measured, rows.predicted[block], mean)
    at = model.targets
    out["pearson_pooled"][at], out["pearson_low"][at], out["pearson_high"][at] = (
        model.r,
        model.low,
        model.high,
    )
    out["p_value"][at], out["n"][at] = model.p, model.n
    for name in BASELINES if whole else BASELINES_OF_GAIN:
        baseline = getattr(rows, f"predicted_{name}")[block]
        if not np.isnan(baseline).all():  # of no covariates, nothing
            out[f"pearson_{name}"][at] = pooled_many(codes, measured, baseline, mean).r
    if whole:
        shuffled = shuffled_many(
            codes, rows.folds[block], _labels(rows, block), measured, rows.predicted[block], mean
        )
        out["pearson_permuted"][at], out["p_permuted"][at] = shuffled.mean, shuffled.p
    error = measured - rows.predicted[block]
    out["rmse"][at] = _root_mean_square(codes, error)
    out["rmse_mean"][at] = _root_mean_square(codes, np.where(np.isnan(error), np.nan, measured - mean))


def _labels(rows: OutOfFold, block: slice) -> np.ndarray:
    """A number for each row's lineage, NaN where that is unknown.

    A store that knows no lineages has at least what each one's mean predicts: alike for lines of one lineage
    and fold, but also for lineages with equal means, as levels often have.
    """
    if rows.lineage is None:
        return rows.predicted_lineage[block]
    numbers = rows.lineage[block].astype(np.float64)
    return np.where(numbers < 0, np.nan, numbers)


def _root_mean_square(codes: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Per target of a block; rows with a missing value do not count."""
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    known = ~np.isnan(errors)
    squares = np.add.reduceat(np.where(known, errors, 0.0) ** 2, starts)
    count = np.add.reduceat(known.astype(np.int64), starts)
    return np.sqrt(np.divide(squares, count, out=np.full(len(starts), np.nan), where=count > 0))


def _over_folds(scores: pa.Table, targets: tuple[str, ...]) -> dict[str, list[object]]:
    """Per target: folds, mean of the folds' r, and the model most folds chose (a tie: the first by name)."""
    r: dict[str, list[float]] = defaultdict(list)
    models: dict[str, Counter[str]] = defaultdict(Counter)
    folds: Counter[str] = Counter()
    columns = (scores.column(name).to_pylist() for name in ("target", "pearson", "model"))
    for target, pearson, model in zip(*columns, strict=True):
        folds[target] += 1
        if pearson is not None:
            r[target].append(pearson)
        if model is not None:
            models[target][model] += 1
    return {
        "folds": [folds[target] for target in targets],
        "pearson": [float(np.mean(r[target])) if r[target] else None for target in targets],
        "model": [_most_frequent(models[target]) for target in targets],
    }


def _most_frequent(counts: Counter[str]) -> str | None:
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def _facts(table: pa.Table | None, targets: tuple[str, ...]) -> dict[str, list[object]]:
    """Class, mean and sd of each target, as its dataset had them; None where the run names none."""
    known = {row["target"]: row for row in table.to_pylist()} if table is not None else {}
    return {name: [known.get(target, {}).get(name) for target in targets] for name in ("class", "mean", "sd")}


def _stability(
    reader: StoreReader,
    method: str,
    scores: pa.Table,
    targets: tuple[str, ...],
    only: Collection[str] | None,
) -> np.ndarray:
    """Mean pairwise Jaccard of the folds' modifiers; NaN under two folds or where no fold has modifiers."""
    chosen: dict[str, dict[int, set[str]]] = {target: {} for target in targets}
    for target, fold in zip(
        scores.column("target").to_pylist(), scores.column("fold").to_pylist(), strict=True
    ):
        chosen[target][fold] = set()
    for part in reader.pieces("modifiers", ("target", "fold", "modifier"), only, method):
        names = (_texts(part.column(name)) for name in ("target", "modifier"))
        for target, modifier, fold in zip(*names, part.column("fold").to_pylist(), strict=True):
            if fold in chosen.get(target, ()):
                chosen[target][fold].add(modifier)
    return np.array([mean_jaccard(list(chosen[target].values())) for target in targets])


def _texts(column: pa.ChunkedArray) -> list[str]:
    """The column's values, equal ones sharing one string: millions of rows name thousands of genes."""
    encoded = column.combine_chunks().dictionary_encode()
    values = np.array(encoded.dictionary.to_pylist(), dtype=object)
    return values[np.asarray(encoded.indices)].tolist() if len(values) else []
