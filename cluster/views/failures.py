"""The table `failures`: what could not be fitted in a shard, and what was quarantined, with the error."""

from collections.abc import Collection

import pyarrow as pa

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from tasks.tables.schemas import KEYS, table_of


def failures_table(reader: StoreReader, only: Collection[str] | None = None) -> pa.Table:
    """The committed rows (of some targets) and one of each quarantined unit, sorted.

    A quarantined unit's `error` is its last, `attempts` how many errors condemned it.
    """
    rows = [
        {"method": unit.method, "target": unit.target, "fold": unit.fold, "status": "failed"}
        | {"error": str(errors[-1]) if errors else "no error recorded", "attempts": len(errors)}
        for unit, errors in reader.quarantined().items()
        if only is None or unit.target in only
    ]
    whole = pa.concat_tables([reader.table("failures", targets=only), table_of("failures", rows)])
    return sort_rows(whole, KEYS["failures"])
