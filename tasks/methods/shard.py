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
from tasks.fitting.rows import candidate_rows, failure_rows, modifier_rows
from tasks.fitting.scores import FoldFit, scored
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
    """What `run_shard` does: `on_finished` gets each target once, as soon as its block is done."""
    method = method or method_named(settings.method)
    baselines = Baselines(panel)
    done: dict[int, TargetRows] = {}

    def take(fits: Sequence[Fit]) -> None:
        new = [fit for fit in fits if fit.target not in done]
        if len(prepared.fold.test) == 0:
            rows = [_final_rows(panel, prepared, fit, method) for fit in new]
        else:
            rows = _fold_rows(panel, prepared, new, settings, baselines)
        for fit, of_target in zip(new, rows, strict=True):
            done[fit.target] = TargetRows(fit.target, fit.status, of_target)
            on_finished(done[fit.target])

    with heard_by(take, method.fit):
        fits = method.fit(panel, prepared, targets, settings)
    take(fits)
    return [done[fit.target] for fit in fits]


def put_together(targets: Sequence[TargetRows]) -> ShardResult:
    """Tables of several targets of one method and fold."""
    names = targets[0].rows if targets else ()
    tables = {name: table_of(name, [row for one in targets for row in one.rows[name]]) for name in names}
    return ShardResult(tables, dict(sorted(Counter(one.status for one in targets).items())))


def _fold_rows(
    panel: Panel, prepared: Prepared, fits: Sequence[Fit], settings: MethodSettings, baselines: Baselines
) -> list[dict[str, Sequence[Row]]]:
    of_folds = []
    for fit in fits:
        fold = fold_of(panel, prepared.fold, fit.target, settings)
        unit = {"method": settings.method, "target": panel.targets[fit.target], "fold": fold.number}
        of_folds.append(FoldFit(fold, fit, unit))
    return [
        {
            "scores": [of_target.score],
            "modifiers": modifier_rows(panel, each.fit, each.unit),
            "candidates": candidate_rows(each.fit, each.unit),
            "predictions": of_target.predictions,
            "failures": failure_rows(each.fit, each.unit),
        }
        for each, of_target in zip(of_folds, scored(panel, of_folds, baselines), strict=True)
    ]


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
