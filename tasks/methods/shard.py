"""One shard: a block of targets in one fold, from matrices to tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.fitting.fit import Fit
from tasks.fitting.fold import Panel, fold_of
from tasks.fitting.rows import candidate_rows, failure_rows, modifier_rows, score_rows
from tasks.fitting.settings import ShardSettings
from tasks.methods.model_rows import final_model_row
from tasks.methods.registry import METHODS, Prepared
from tasks.tables.schemas import table_of


@dataclass(frozen=True)
class ShardResult:
    """A shard's tables, by name, and how many targets ended with each status."""

    tables: dict[str, pa.Table]
    statuses: dict[str, int]


def run_shard(
    panel: Panel, prepared: Prepared, targets: Sequence[int], settings: ShardSettings
) -> ShardResult:
    """Fit the settings' method and score it on the fold's test lines, for every target.

    `prepared` is what `registry.prepare_part` gave for the same method and fold. On the final fold (all
    lines train, none test) the result is the `models` table instead of scores. Equal for any grouping of
    targets into shards; one numerical thread is assumed (the executor sees to it).
    Raises TypeError for the final fold of a method that stores no models.
    """
    fits = METHODS[settings.method].fit(panel, prepared, targets, settings)
    tables = _final_tables if len(prepared.fold.test) == 0 else _fold_tables
    return ShardResult(
        tables(panel, prepared, fits, settings),
        dict(sorted(Counter(fit.status for fit in fits).items())),
    )


def _fold_tables(
    panel: Panel, prepared: Prepared, fits: Sequence[Fit], settings: ShardSettings
) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("scores", "modifiers", "candidates", "predictions", "failures")
    }
    for fit in fits:
        fold = fold_of(panel, prepared.fold, fit.target, settings)
        unit = {"method": settings.method, "target": panel.targets[fit.target], "fold": fold.number}
        score, predictions = score_rows(panel, fold, fit, unit)
        rows["scores"].append(score)
        rows["predictions"] += predictions
        rows["modifiers"] += modifier_rows(panel, fit, unit)
        rows["candidates"] += candidate_rows(fit, unit)
        rows["failures"] += failure_rows(fit, unit)
    return {name: table_of(name, blocks) for name, blocks in rows.items()}


def _final_tables(
    panel: Panel, prepared: Prepared, fits: Sequence[Fit], settings: ShardSettings
) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, object]]] = {"models": [], "failures": []}
    for fit in fits:
        unit = {"method": settings.method, "target": panel.targets[fit.target]}
        rows["models"].append(final_model_row(panel, prepared, fit, unit))
        rows["failures"] += failure_rows(fit, unit | {"fold": prepared.fold.number})
    return {name: table_of(name, blocks) for name, blocks in rows.items()}
