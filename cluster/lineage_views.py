"""The tables `lineages` and `lineage_targets`: held-out lineages against random hold-outs of their size.

They are empty in a store whose scheme is not `lineage`.
"""

import pyarrow as pa

from cluster.run_folds import held_out_lineages
from cluster.store.reader import StoreReader
from tasks.analyses import lineage


def lineages_view(reader: StoreReader) -> pa.Table:
    """One row per method and held-out lineage, one over all; see `tasks.analyses.lineage.lineages_table`."""
    scores = reader.table("scores", lineage.SCORE_COLUMNS)
    return lineage.lineages_table(scores, held_out_lineages(reader.run))


def lineage_targets_view(reader: StoreReader) -> pa.Table:
    """One row per method and target; see `tasks.analyses.lineage.lineage_targets_table`."""
    scores = reader.table("scores", lineage.SCORE_COLUMNS)
    return lineage.lineage_targets_table(scores, held_out_lineages(reader.run))
