"""The table `networks` as readers see it: with the file that holds each fold's weights."""

import pyarrow as pa

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from tasks.tables.schemas import KEYS, SCHEMAS

NETWORKS_SCHEMA = (
    SCHEMAS["networks"].append(pa.field("file", pa.string())).append(pa.field("sha256", pa.string()))
)


def networks_table(reader: StoreReader) -> pa.Table:
    """The committed `networks`, sorted; `file` is its path in the store, `sha256` that of its bytes."""
    parts = [NETWORKS_SCHEMA.empty_table()]
    for commit, rows in reader.parts("networks"):
        # Networks of profiles and drugs are scored and forgotten.
        file = commit.other_files[0] if commit.other_files else None
        said = (None, None) if file is None else (file.path, file.sha256)
        named = (pa.array([text] * len(rows), pa.string()) for text in said)
        parts.append(pa.table([*rows.columns, *named], schema=NETWORKS_SCHEMA))
    return sort_rows(pa.concat_tables(parts), KEYS["networks"])
