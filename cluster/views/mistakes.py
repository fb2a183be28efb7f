"""What DuckDB says of a query that does not run, in words that name this store's tables and columns."""

import re
from collections.abc import Sequence

import duckdb

from tasks.errors import BadInputError
from tasks.tables.describe import did_you_mean, no_table, tables_in_words
from tasks.tables.schemas import TABLES

_NO_TABLE = re.compile(r'Table with name "?(?P<name>[^"]+?)"? does not exist')
_NO_COLUMN = re.compile(
    r'Referenced column "(?P<name>.+?)" not found|does not have a column named "(?P<other>.+?)"'
)
_CANDIDATES = re.compile(r'"([^"]+)"')


def mistake(error: duckdb.Error, tables: Sequence[str]) -> BadInputError:
    """The error to raise for SQL that does not run; `tables` are those of the store that it names.

    DuckDB's own words stay, but for a table or a column that does not exist: of those it knows only what the
    query opened, or its own system tables.
    """
    text = str(error)
    if isinstance(error, duckdb.CatalogException) and (match := _NO_TABLE.search(text)):
        found = [no_table(match["name"])]
    elif isinstance(error, duckdb.BinderException) and tables and (match := _NO_COLUMN.search(text)):
        found = _no_column(match["name"] or match["other"], text, tables)
    else:
        found = text.splitlines()
    return BadInputError([*found, tables_in_words()])


def _no_column(name: str, text: str, tables: Sequence[str]) -> list[str]:
    """That there is no such column; which are close, else which the tables have."""
    columns = {table: [column.name for column in TABLES[table].columns] for table in tables}
    offered = _CANDIDATES.findall(text.partition("Candidate bindings:")[2])
    hint = did_you_mean(name, {*offered, *(column for names in columns.values() for column in names)})
    listed = [] if hint else [f"{table} has {', '.join(names)}" for table, names in columns.items()]
    return [f"column {name!r}: there is none{hint}", *listed]
