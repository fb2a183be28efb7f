"""Results of commands, with invented rows, kept in a store; for tests of how they are kept."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from cluster.analyses.writing import Kept, keep
from cluster.store.filesystem import FileSystem
from cluster.store.reader import StoreReader
from tasks.tables.schemas import TABLES

INPUTS = {"dataset": {"name": "other", "sha256": "ab" * 32}, "method": "auto"}


def validation_rows(shift: float = 0.0, targets: str = "CAB") -> pa.Table:
    schema = pa.schema(list(TABLES["validation"].schema)[1:])
    rows = [
        {"method": "modifiers", "target": target, "dataset": "ab" * 32, "n": 30, "pearson": place / 9 + shift}
        for place, target in enumerate(targets)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def kept(fs: FileSystem, shift: float = 0.0, inputs: Mapping[str, Any] = INPUTS) -> Kept:
    return keep(StoreReader(fs), "validate", inputs, {"validation": validation_rows(shift)})
