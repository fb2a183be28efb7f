"""A statement before it runs: that it is one SELECT from the store's tables; what to say where it is not."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from cluster.errors import RefusedError
from tasks.errors import BadInputError
from tasks.tables.describe import did_you_mean, no_table, tables_in_words
from tasks.tables.schemas import TABLES

# Functions in FROM that read nothing; every other one (read_csv, glob, query, ...) is refused by name.
HARMLESS = frozenset({"range", "generate_series", "unnest"})
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
        found = [line for line in text.splitlines() if line.strip()]
    return BadInputError("\n".join([*found, tables_in_words()]))  # one mistake


def _no_column(name: str, text: str, tables: Sequence[str]) -> list[str]:
    """That there is no such column; which are close, else which the tables have."""
    columns = {table: [column.name for column in TABLES[table].columns] for table in tables}
    offered = _CANDIDATES.findall(text.partition("Candidate bindings:")[2])
    hint = did_you_mean(name, {*offered, *(column for names in columns.values() for column in names)})
    listed = [] if hint else [f"{table} has {', '.join(names)}" for table, names in columns.items()]
    return [f"column {name!r}: there is none{hint}", *listed]


def checked(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The parsed statement, as DuckDB's JSON; RefusedError unless it is one SELECT from tables."""
    if sql.encode(errors="ignore").decode() != sql:  # a shell passes on any bytes
        raise BadInputError("the query is not UTF-8 text; write it in a terminal or file that is")
    statements = connection.extract_statements(sql)
    if not statements:
        raise BadInputError("the query is empty; give one SELECT statement, or SHOW TABLES")
    if len(statements) != 1:
        raise RefusedError(f"a query is one SELECT statement; {len(statements)} were given")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        raise RefusedError(f"a query is one SELECT statement; {kind.name} may not run")
    ((parsed,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    tree = json.loads(parsed)
    if tree["error"]:
        raise RefusedError(f"a query is one SELECT statement; {tree.get('error_message', 'this cannot run')}")
    functions = [node["function"] for node in _nodes(tree) if node.get("type") == "TABLE_FUNCTION"]
    for name in (str(function.get("function_name", "?")).lower() for function in functions):
        if name not in HARMLESS:
            raise RefusedError(f"a query may only read this store's tables; FROM {name}(...) may not run")
    return tree


def mentioned(tree: Any) -> list[str]:
    """The store's tables that a parsed statement names."""
    names = {str(node.get("table_name", "")).strip('"').lower() for node in _nodes(tree)}
    return sorted(names.intersection(TABLES))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a parsed statement, at any depth."""
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(part)
