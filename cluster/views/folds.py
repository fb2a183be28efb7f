"""What run.json says of a run's folds, and the tables that compare held-out lineages with random hold-outs.

The tables `lineages` and `lineage_targets` are empty in a store whose scheme is not `lineage`. Where a
target's training effect is constant nothing was fitted, and its RMSE says nothing of lineages: such folds do
not count.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cluster.store.reader import StoreReader
from tasks.analyses import lineage
from tasks.analyses.lineage import HeldOut


def control_folds(run: Mapping[str, Any]) -> frozenset[int]:
    """The folds that count in no score of a target; none in a run that does not say."""
    return frozenset(fold["number"] for fold in run.get("folds", ()) if fold.get("control", False))


def held_out_lineages(run: Mapping[str, Any]) -> tuple[HeldOut, ...]:
    """The lineages held out and their random twins, by fold; none in a run of another scheme."""
    if run.get("scheme") != "lineage":
        return ()
    tested = sorted((fold for fold in run["folds"] if fold["n_test"] > 0), key=lambda fold: fold["number"])
    twins = [fold for fold in tested if fold.get("control", False)]
    held_out = [fold for fold in tested if not fold.get("control", False)]
    return tuple(
        HeldOut(fold["name"], fold["number"], twin["number"], fold["n_test"])
        for fold, twin in zip(held_out, twins, strict=True)
    )


def lineages_view(reader: StoreReader) -> pa.Table:
    """One row per method and held-out lineage, one over all; see `tasks.analyses.lineage.lineages_table`."""
    return lineage.lineages_table(_scores(reader), held_out_lineages(reader.run))


def lineage_targets_view(reader: StoreReader) -> pa.Table:
    """One row per method and target; see `tasks.analyses.lineage.lineage_targets_table`."""
    return lineage.lineage_targets_table(_scores(reader), held_out_lineages(reader.run))


def _scores(reader: StoreReader) -> pa.Table:
    scores = reader.table("scores", (*lineage.SCORE_COLUMNS, "status"))
    fitted = scores.filter(pc.not_equal(scores.column("status"), "constant_target"))
    return fitted.select(list(lineage.SCORE_COLUMNS))
