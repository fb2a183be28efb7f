"""One shard: a block of targets in one fold, from matrices to tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.fits import Fit
from tasks.fold import Panel
from tasks.methods import METHODS, Prepared
from tasks.model_rows import final_model_row
from tasks.rows import candidate_rows, failure_rows, modifier_rows, score_rows
from tasks.settings import ShardSettings
from tasks.tables import table_of


@dataclass(frozen=True)
class ShardResult:
    """A shard's tables, by name, and how many targets ended with each status."""

    tables: dict[str, pa.Table]
    statuses: dict[str, int]


def run_shard(
    panel: Panel, prepared: Prepared, targets: Sequence[int], settings: ShardSettings
) -> ShardResult:
    """Fit the settings' method and score it on the fold's test lines, for every target.

    `prepared` is what `tasks.methods.prepare_part` gave for the same method and fold. On the final fold (all
    lines train, none test) the result is the `models` table instead of scores. Equal for any grouping of
    targets into shards; one numerical thread is assumed (the executor sees to it).
    Raises TypeError for the final fold of a method that stores no models.
    """
    fits = METHODS[settings.method].fit(panel, prepared, targets, settings)
    tables = _final_tables if len(prepared.fold.test) == 0 else _fold_tables
    return ShardResult(
        tables(panel, prepared, fits, settings.method),
        dict(sorted(Counter(fit.status for fit in fits).items())),
    )


def _fold_tables(panel: Panel, prepared: Prepared, fits: Sequence[Fit], method: str) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("scores", "modifiers", "candidates", "predictions", "failures")
    }
    for fit in fits:
        unit = {"method": method, "target": panel.targets[fit.target], "fold": prepared.fold.number}
        score, predictions = score_rows(panel, prepared.fold, fit, unit)
        rows["scores"].append(score)
        rows["predictions"] += predictions
        rows["modifiers"] += modifier_rows(panel, fit, unit)
        rows["candidates"] += candidate_rows(fit, unit)
        rows["failures"] += failure_rows(fit, unit)
    return {name: table_of(name, blocks) for name, blocks in rows.items()}


def _final_tables(panel: Panel, prepared: Prepared, fits: Sequence[Fit], method: str) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, object]]] = {"models": [], "failures": []}
    for fit in fits:
        unit = {"method": method, "target": panel.targets[fit.target]}
        rows["models"].append(final_model_row(panel, prepared, fit, unit))
        rows["failures"] += failure_rows(fit, unit | {"fold": prepared.fold.number})
    return {name: table_of(name, blocks) for name, blocks in rows.items()}
