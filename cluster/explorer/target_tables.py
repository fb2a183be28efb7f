"""Tables of a store once more, ordered by target, so that the rows of one come in a few milliseconds.

A file for each table, Arrow's with a batch for every few targets; all files have the same batches.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cluster.store.reader import StoreReader
from tasks.tables.schemas import TABLES

GROUP = 8  # targets of a batch
# The tables, and of those whose rows are heavy the columns that are kept.
KEPT_TABLES: dict[str, tuple[str, ...] | None] = {
    "scores": None,
    "predictions": None,
    "modifiers": None,
    "candidates": None,
    "failures": None,
    "models": ("method", "target", "modifiers"),
}


@dataclass(frozen=True, eq=False)
class TargetTables:
    """The tables of a folder. `place` has each target's number, in the order of the files."""

    place: dict[str, int]
    files: dict[str, pa.RecordBatchFileReader]

    @classmethod
    def open(cls, folder: Path, targets: Sequence[str]) -> "TargetTables":
        """The tables that `write_tables` wrote of these targets; OSError or ValueError if damaged."""
        files = {name: pa.ipc.open_file(pa.memory_map(str(_path(folder, name)))) for name in KEPT_TABLES}
        batches = -(-len(targets) // GROUP)
        if any(file.num_record_batches != batches for file in files.values()):
            raise ValueError(f"{folder}: its tables are not whole")
        return cls({target: at for at, target in enumerate(targets)}, files)

    def has(self, name: str, columns: Sequence[str] | None) -> bool:
        """Whether rows of a table, these columns of them, are here."""
        if name not in self.files:
            return False
        wanted = TABLES[name].stored_schema.names if columns is None else columns
        return set(wanted) <= set(self.files[name].schema.names)

    def rows(
        self, name: str, columns: Sequence[str] | None, targets: Collection[str], method: str | None
    ) -> pa.Table:
        """The rows of some targets, of one method where asked, in the order of the store's files."""
        file = self.files[name]
        batches = sorted({self.place[target] // GROUP for target in targets if target in self.place})
        table = pa.Table.from_batches([file.get_batch(at) for at in batches], file.schema)
        mine = pc.is_in(table.column("target"), pa.array(sorted(targets), pa.string()))
        if method is not None:
            mine = pc.and_(mine, pc.equal(table.column("method"), method))
        names = TABLES[name].stored_schema.names if columns is None else columns
        return table.select(list(names)).filter(mine)


def write_tables(reader: StoreReader, folder: Path, targets: Sequence[str], size: int) -> Iterator[float]:
    """Write them into a folder, so many targets at once (a multiple of `GROUP`); yields the share done.

    `targets` are best in the order of their commits: each file of the store is then read once or twice.
    """
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))
    for done, name in enumerate(KEPT_TABLES):
        schema = pa.schema([TABLES[name].stored_schema.field(column) for column in _columns(name)])
        with pa.ipc.new_file(str(_path(folder, name)), schema, options=options) as file:
            for start in range(0, len(targets), size):
                for batch in _batches(reader, name, schema, targets[start : start + size]):
                    file.write_batch(batch)
                yield (done + min(1.0, (start + size) / len(targets))) / len(KEPT_TABLES)


def _columns(name: str) -> list[str]:
    return list(KEPT_TABLES[name] or TABLES[name].stored_schema.names)


def _batches(
    reader: StoreReader, name: str, schema: pa.Schema, targets: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """A batch for each group of these targets, in order; one without rows is empty."""
    pieces = reader.pieces(name, schema.names, frozenset(targets))
    table = pa.concat_tables([schema.empty_table(), *pieces])
    at = np.asarray(pc.index_in(table.column("target"), pa.array(targets, pa.string()))).astype(np.int64)
    order = np.argsort(at, kind="stable")
    whole = pa.RecordBatch.from_arrays(
        [column.combine_chunks() for column in table.take(pa.array(order)).columns], schema=schema
    )
    ends = np.searchsorted(at[order], np.arange(GROUP, len(targets) + GROUP, GROUP))
    start = 0
    for end in ends.tolist():
        yield whole.slice(start, end - start)
        start = end


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.arrow"
