"""What a table of a store is: its columns, each with its meaning, its key, and its version.

A table grows by new columns only. A new column gets `since` one above the table's version, which rises to it;
files written before have no such column and read as null there. A column never changes its name, type or
meaning: that would be a new column.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

_TABLE_NAME = re.compile(r"[a-z_]+")  # it is a folder of the store; releases before must know it for one


@dataclass(frozen=True)
class Column:
    """One column. `doc` says what it means, and when it is null; `unit` is "" where there is none.

    `since` is the version of its table that it came with. One that is `computed` is in no file of the store:
    readers add it.
    """

    name: str
    type: pa.DataType
    doc: str
    unit: str = ""
    since: int = 1
    computed: bool = False


@dataclass(frozen=True)
class Table:
    """One table. `one_row_per` says what a row is.

    No two rows have one `key`. Columns that readers compute stand last; a table that is `computed` has no
    others. A table with a `command` is written by no shard: that command adds rows to a finished store.
    Raises ValueError for a definition that contradicts itself.
    """

    name: str
    one_row_per: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    version: int = 1
    computed: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        stored_last = [column.computed for column in self.columns]
        problems = {
            "its name is not of small letters and underscores": not _TABLE_NAME.fullmatch(self.name),
            "two columns have one name": len(set(names)) < len(names),
            "its key is not among its columns": not set(self.key) <= set(names),
            "a computed column stands before a stored one": stored_last != sorted(stored_last),
            "its version is not that of its newest column": self.version
            != max(c.since for c in self.columns),
        }
        if found := [problem for problem, is_so in problems.items() if is_so]:
            raise ValueError(f"table {self.name}: {'; '.join(found)}")

    @cached_property
    def stored(self) -> tuple[Column, ...]:
        """The columns that its files hold; none of a table that readers compute."""
        return tuple(column for column in self.columns if not (self.computed or column.computed))

    @cached_property
    def file_version(self) -> int:
        """The version of files written now, which computed columns do not raise; 0 where there are none."""
        return max((column.since for column in self.stored), default=0)

    @cached_property
    def schema(self) -> pa.Schema:
        """All columns, as readers get them."""
        return schema_of(self.columns)

    @cached_property
    def stored_schema(self) -> pa.Schema:
        """The columns of its files, as shards write them."""
        return schema_of(self.stored)

    def stored_in(self, file_version: int) -> tuple[Column, ...]:
        """The columns that a file of this version, or an older one, holds."""
        return tuple(column for column in self.stored if column.since <= file_version)


def schema_of(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of some columns."""
    return pa.schema([(column.name, column.type) for column in columns])
