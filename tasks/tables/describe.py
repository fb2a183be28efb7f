"""The tables described for people, from their definitions: `DESCRIBE`, `SHOW TABLES` and docs/tables.md."""

import difflib
from collections.abc import Collection

import pyarrow as pa

from tasks.errors import BadInputError
from tasks.tables.columns import Column, Table
from tasks.tables.schemas import TABLES

_INTRODUCTION = """\
# The tables of a store

What `knockcast query STORE "SELECT ..."` and, in Python, `Store(path).table(NAME)` give. The same text for
one table: `knockcast query STORE "DESCRIBE scores"`; the list of tables: `SHOW TABLES`.

Made from the definitions in `tasks/tables` by `python -m tasks.tables > docs/tables.md`; do not edit by
hand.

* A *target* is a gene whose knockout effect is predicted, a *modifier* a gene whose expression helps to
  predict it.
* Unit `measure`: that of the dataset's effect matrix, as `run.json` names it: gene effect (0 no effect, −1
  as a common essential), dependency (a probability) or level.
* *since* is the version of its table that a column came with. Files of older versions read as null there. A
  file of a version that a release does not know is refused, and the message names the release to install.
* A column that is *computed* is in no file: readers make it from what was committed.
"""


def describe(name: str) -> pa.Table:
    """One row per column of a table: column, type, unit, since, doc.

    Raises BadInputError, naming close ones, where there is no such table.
    """
    columns = table_named(name).columns
    return _texts(
        column=[column.name for column in columns],
        type=[str(column.type) for column in columns],
        unit=[column.unit for column in columns],
        since=[column.since for column in columns],
        doc=[column.doc for column in columns],
    )


def show_tables() -> pa.Table:
    """One row per table: table, one_row_per (what a row is), key, version."""
    tables = [TABLES[name] for name in sorted(TABLES)]
    return _texts(
        table=[table.name for table in tables],
        one_row_per=[table.one_row_per for table in tables],
        key=[", ".join(table.key) for table in tables],
        version=[table.version for table in tables],
    )


def table_named(name: str) -> Table:
    """The table of this name, in any case. Raises BadInputError, naming close ones, where there is none."""
    found = TABLES.get(name.lower())
    if found is None:
        raise BadInputError(f"{no_table(name)}\n{tables_in_words()}")
    return found


def no_table(name: str) -> str:
    """That there is no such table, and which may be meant."""
    return f"table {name!r}: there is none{did_you_mean(name, TABLES)}"


def tables_in_words() -> str:
    """The names of all tables, as the last line of a message."""
    return f"tables: {', '.join(sorted(TABLES))}"


def did_you_mean(name: str, known: Collection[str]) -> str:
    """`; did you mean ...?` where a known name is close, else nothing."""
    close = difflib.get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(close)}?" if close else ""


def markdown() -> str:
    """The text of docs/tables.md."""
    return "\n".join([_INTRODUCTION, *(_section(TABLES[name]) for name in sorted(TABLES))])


def _section(table: Table) -> str:
    made = "Computed by readers from what was committed." if table.computed else "Written by shards."
    made = f"Added by `knockcast {table.command}`." if table.command else made
    head = [
        f"## {table.name}",
        "",
        f"One row per {table.one_row_per}.",
        "",
        f"Key: {', '.join(f'`{name}`' for name in table.key)}. Version {table.version}. {made}",
        "",
        "| column | type | unit | since | meaning |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(_line(column) for column in table.columns), ""])


def _line(column: Column) -> str:
    note = " *(computed)*" if column.computed else ""
    cells = (f"`{column.name}`", str(column.type), column.unit, str(column.since), column.doc + note)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _texts(**columns: list[str] | list[int]) -> pa.Table:
    return pa.table(
        {
            name: pa.array(values, pa.int32() if isinstance(values[0], int) else pa.string())
            for name, values in columns.items()
        }
    )
