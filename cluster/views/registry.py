"""Every table a store gives: those its shards wrote as they are, and those that readers compute or extend."""

from collections.abc import Callable

import pyarrow as pa

from cluster.store.reader import StoreReader
from cluster.views.folds import lineage_targets_view, lineages_view
from cluster.views.genes import genes_table
from cluster.views.models import models_table, networks_table
from cluster.views.ranking import ranking_table
from cluster.views.shards import failures_table, shards_table
from tasks.tables.describe import table_named

COMPUTED: dict[str, Callable[[StoreReader], pa.Table]] = {
    "failures": failures_table,
    "genes": genes_table,
    "lineage_targets": lineage_targets_view,
    "lineages": lineages_view,
    "models": models_table,
    "networks": networks_table,
    "ranking": ranking_table,
    "shards": shards_table,
}


def view(reader: StoreReader, name: str) -> pa.Table:
    """A whole table, sorted by its key. Raises BadInputError, naming close ones, where there is none."""
    table = table_named(name)
    computed = COMPUTED.get(table.name)
    return computed(reader) if computed else reader.table(table.name)
