"""The tables `lineages` and `lineage_targets`: held-out lineages against random hold-outs of their size.

They are empty in a store whose scheme is not `lineage`. Where a target's training effect is constant
nothing was fitted, and its RMSE says nothing of lineages: such folds do not count.
"""

import pyarrow as pa
import pyarrow.compute as pc

from cluster.store.reader import StoreReader
from cluster.views.run_folds import held_out_lineages
from tasks.analyses import lineage


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
