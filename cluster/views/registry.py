"""Every table a store gives: those its shards wrote, and those computed from them."""

from collections.abc import Callable

import pyarrow as pa

from cluster.store.reader import StoreReader
from cluster.views.failures import failures_table
from cluster.views.genes import genes_table
from cluster.views.lineages import lineage_targets_view, lineages_view
from cluster.views.models import models_table
from cluster.views.networks import networks_table
from cluster.views.shards import shards_table
from tasks.errors import BadInputError
from tasks.tables.schemas import SCHEMAS

COMPUTED: dict[str, Callable[[StoreReader], pa.Table]] = {
    "failures": failures_table,
    "genes": genes_table,
    "lineage_targets": lineage_targets_view,
    "lineages": lineages_view,
    "models": models_table,
    "networks": networks_table,
    "shards": shards_table,
}
WRITTEN = tuple(sorted(SCHEMAS.keys() - COMPUTED.keys()))
TABLES = tuple(sorted({*WRITTEN, *COMPUTED}))


def view(reader: StoreReader, name: str) -> pa.Table:
    """A whole table, sorted by its key. Raises BadInputError for a name that is not in `TABLES`."""
    if name not in TABLES:
        raise BadInputError(f"table {name!r}: there is none; a store has {', '.join(TABLES)}")
    computed = COMPUTED.get(name)
    return computed(reader) if computed else reader.table(name)
