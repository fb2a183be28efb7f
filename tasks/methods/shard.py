"""One shard: a block of targets in one fold, from matrices to tables."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks.fitting.baselines import Baselines
from tasks.fitting.finished import heard_by
from tasks.fitting.fit import Fit
from tasks.fitting.fold import MethodSettings, Panel, fold_of
from tasks.fitting.modifiers import MEAN
from tasks.fitting.rows import candidate_rows, failure_rows, modifier_rows, score_rows
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


@dataclass(frozen=True)
class TargetRows:
    """What one target comes to: rows by table, and its status; `target` is its column of the panel."""

    target: int
    status: str
    rows: Mapping[str, Sequence[Row]]


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
    return put_together(work_through(panel, prepared, targets, settings, method))


def work_through(
    panel: Panel,
    prepared: Prepared,
    targets: Sequence[int],
    settings: MethodSettings,
    method: Method | None = None,
    on_finished: Callable[[TargetRows], None] = lambda rows: None,
) -> list[TargetRows]:
    """What `run_shard` does, target by target: `on_finished` gets each once, as soon as it is done."""
    method = method or method_named(settings.method)
    baselines = Baselines(panel)
    done: dict[int, TargetRows] = {}

    def take(fit: Fit) -> None:
        if fit.target in done:
            return
        if len(prepared.fold.test) == 0:
            rows = _final_rows(panel, prepared, fit, method)
        else:
            rows = _fold_rows(panel, prepared, fit, settings, baselines)
        done[fit.target] = TargetRows(fit.target, fit.status, rows)
        on_finished(done[fit.target])

    with heard_by(take, method.fit):
        fits = method.fit(panel, prepared, targets, settings)
    for fit in fits:
        take(fit)
    return [done[fit.target] for fit in fits]


def put_together(targets: Sequence[TargetRows]) -> ShardResult:
    """Tables of several targets of one method and fold."""
    names = targets[0].rows if targets else ()
    tables = {name: table_of(name, [row for one in targets for row in one.rows[name]]) for name in names}
    return ShardResult(tables, dict(sorted(Counter(one.status for one in targets).items())))


def _fold_rows(
    panel: Panel, prepared: Prepared, fit: Fit, settings: MethodSettings, baselines: Baselines
) -> dict[str, Sequence[Row]]:
    fold = fold_of(panel, prepared.fold, fit.target, settings)
    unit = {"method": settings.method, "target": panel.targets[fit.target], "fold": fold.number}
    score, predictions = score_rows(panel, fold, fit, unit, baselines)
    return {
        "scores": [score],
        "modifiers": modifier_rows(panel, fit, unit),
        "candidates": candidate_rows(fit, unit),
        "predictions": predictions,
        "failures": failure_rows(fit, unit),
    }


def _final_rows(panel: Panel, prepared: Prepared, fit: Fit, method: Method) -> dict[str, Sequence[Row]]:
    unit = {"method": method.name, "target": panel.targets[fit.target]}
    return {
        "models": [final_model_row(panel, prepared, fit, unit, method)],
        "failures": failure_rows(fit, unit | {"fold": prepared.fold.number}),
    }


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
