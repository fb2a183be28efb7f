"""One shard: a block of targets in one fold, from matrices to tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks.fitting.fit import Fit
from tasks.fitting.fold import MethodSettings, Panel, fold_of
from tasks.fitting.modifiers import MEAN
from tasks.fitting.rows import Confounders, candidate_rows, failure_rows, modifier_rows, score_rows
from tasks.methods.method import Method, Prepared
from tasks.methods.registry import method_named
from tasks.scoring.model_rows import Row
from tasks.scoring.predict import checksum_of
from tasks.tables.schemas import table_of


@dataclass(frozen=True)
class ShardResult:
    """A shard's tables, by name, and how many targets ended with each status."""

    tables: dict[str, pa.Table]
    statuses: dict[str, int]


def run_shard(
    panel: Panel,
    prepared: Prepared,
    targets: Sequence[int],
    settings: MethodSettings,
    method: Method | None = None,
) -> ShardResult:
    """Fit a method (the settings', if none is given) and score it on the fold's test lines, for every target.

    `prepared` is what `registry.prepare_method_fold` gave for the same method and fold. On the final fold
    (all lines train, none test) the result is the `models` table instead of scores. Equal for any grouping of
    targets into shards; one numerical thread is assumed (the executor sees to it).
    Raises TypeError for the final fold of a method that stores no models.
    """
    method = method or method_named(settings.method)
    fits = method.fit(panel, prepared, targets, settings)
    if len(prepared.fold.test) == 0:
        tables = _final_tables(panel, prepared, fits, method)
    else:
        tables = _fold_tables(panel, prepared, fits, settings)
    return ShardResult(tables, dict(sorted(Counter(fit.status for fit in fits).items())))


def _fold_tables(
    panel: Panel, prepared: Prepared, fits: Sequence[Fit], settings: MethodSettings
) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("scores", "modifiers", "candidates", "predictions", "failures")
    }
    confounders = Confounders(panel)
    for fit in fits:
        fold = fold_of(panel, prepared.fold, fit.target, settings)
        unit = {"method": settings.method, "target": panel.targets[fit.target], "fold": fold.number}
        score, predictions = score_rows(panel, fold, fit, unit, confounders)
        rows["scores"].append(score)
        rows["predictions"] += predictions
        rows["modifiers"] += modifier_rows(panel, fit, unit)
        rows["candidates"] += candidate_rows(fit, unit)
        rows["failures"] += failure_rows(fit, unit)
    return {name: table_of(name, blocks) for name, blocks in rows.items()}


def _final_tables(
    panel: Panel, prepared: Prepared, fits: Sequence[Fit], method: Method
) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, object]]] = {"models": [], "failures": []}
    for fit in fits:
        unit = {"method": method.name, "target": panel.targets[fit.target]}
        rows["models"].append(final_model_row(panel, prepared, fit, unit, method))
        rows["failures"] += failure_rows(fit, unit | {"fold": prepared.fold.number})
    return {name: table_of(name, blocks) for name, blocks in rows.items()}


def final_model_row(panel: Panel, prepared: Prepared, fit: Fit, unit: dict[str, Any], method: Method) -> Row:
    """A target's final fit, on all lines, as a row of `models`: all that its predictions are made of.

    `unit` holds its method and target. Raises TypeError for a method that stores no models.
    """
    if not method.stores_models:
        raise TypeError(f"method {method.name} stores no final models: leave the final fold out")
    row = unit | {
        "kind": fit.model,
        "n_train": len(fit.train),
        "train_mean": fit.train_mean,
        "modifiers": [],
        "status": fit.status,
        "reason": fit.reason,
        "seconds": fit.seconds,
    }
    if fit.model is None:
        return row
    if fit.model == MEAN:
        row |= {"intercept": fit.train_mean, "coefficients": []}
    else:
        row |= method.final_model(panel, prepared, fit)
    return row | {"sha256": checksum_of(row, method.checksum_fields)}
