"""Every table a store gives: those its shards wrote as they are, those of commands, and those that
readers compute or extend."""

from collections.abc import Callable, Collection
from functools import partial

import pyarrow as pa

from cluster.analyses.reading import analyses_table, rows_of
from cluster.store.reader import StoreReader
from cluster.views.cell_lines import predictions_table, target_lineages_table
from cluster.views.folds import lineage_targets_view, lineages_view
from cluster.views.followed import followed_table
from cluster.views.genes import genes_table
from cluster.views.models import models_table, networks_table
from cluster.views.ranking import ranking_table
from cluster.views.relations import relations_table
from cluster.views.run_dataset import cell_lines_table
from cluster.views.shards import failures_table, shards_table
from tasks.tables.describe import table_named
from tasks.tables.schemas import TABLES

COMPUTED: dict[str, Callable[[StoreReader], pa.Table]] = {
    "analyses": analyses_table,
    "cell_lines": cell_lines_table,
    "failures": failures_table,
    "followed": followed_table,
    "genes": genes_table,
    "lineage_targets": lineage_targets_view,
    "lineages": lineages_view,
    "models": models_table,
    "networks": networks_table,
    "predictions": predictions_table,
    "ranking": ranking_table,
    "relations": relations_table,
    "shards": shards_table,
    "target_lineages": target_lineages_table,
}
# Tables of commands, all results together.
COMPUTED |= {table.name: partial(rows_of, table=table.name) for table in TABLES.values() if table.command}
# Costly tables that can be computed of some targets alone, with the same numbers.
OF_TARGETS: dict[str, Callable[[StoreReader, Collection[str] | None], pa.Table]] = {
    "followed": followed_table,
    "relations": relations_table,
    "target_lineages": target_lineages_table,
}


def view(reader: StoreReader, name: str, only: Collection[str] | None = None) -> pa.Table:
    """A whole table, sorted by its key. Raises BadInputError, naming close ones, where there is none.

    `only` allows a table of `OF_TARGETS` to leave other targets out.
    """
    table = table_named(name)
    if table.name in OF_TARGETS:
        return OF_TARGETS[table.name](reader, only)
    computed = COMPUTED.get(table.name)
    return computed(reader) if computed else reader.table(table.name)
