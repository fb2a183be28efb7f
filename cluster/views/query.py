"""SQL over a store, in a DuckDB that can read the store's committed rows and nothing else.

A query that does not run is answered in words that name this store's tables and columns."""

import itertools
import json
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import duckdb
import pyarrow as pa

from cluster.errors import RefusedError
from cluster.store.reader import StoreReader
from cluster.store.records import StoredFile
from cluster.store.versions import require_known
from cluster.views.asked import targets_asked
from cluster.views.models import residuals_table
from cluster.views.registry import COMPUTED, view
from cluster.views.run_dataset import cell_lines_table
from tasks.errors import BadInputError
from tasks.tables.columns import Column, Table
from tasks.tables.describe import describe, did_you_mean, no_table, show_tables, tables_in_words
from tasks.tables.schemas import TABLES
from tasks.tables.target_tables import RESIDUALS

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
    return BadInputError([*found, tables_in_words()])


def _no_column(name: str, text: str, tables: Sequence[str]) -> list[str]:
    """That there is no such column; which are close, else which the tables have."""
    columns = {table: [column.name for column in TABLES[table].columns] for table in tables}
    offered = _CANDIDATES.findall(text.partition("Candidate bindings:")[2])
    hint = did_you_mean(name, {*offered, *(column for names in columns.values() for column in names)})
    listed = [] if hint else [f"{table} has {', '.join(names)}" for table, names in columns.items()]
    return [f"column {name!r}: there is none{hint}", *listed]


JOINED = ("models", "predictions")  # on the disk but for some columns, which are joined to them
MEMORY = "4GB"
THREADS = 4
# Functions in FROM that read nothing; every other one (read_csv, glob, query, ...) is refused by name.
HARMLESS = frozenset({"range", "generate_series", "unnest"})
_DESCRIBE = re.compile(r'\s*(?:DESCRIBE|DESC)\s+(?:TABLE\s+)?"?(\w+)"?\s*;?\s*', re.IGNORECASE)
_SHOW = re.compile(r"\s*SHOW\s+TABLES\s*;?\s*", re.IGNORECASE)
CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,  # a Python variable's name must not be a table
    "temp_directory": "",
    "memory_limit": MEMORY,
}


def query(reader: StoreReader, sql: str) -> pa.Table:
    """The result of one SELECT (or WITH ... SELECT) over the store's tables.

    Only the tables the statement mentions are opened, every file after its sha256 was checked. A name that
    several columns have is numbered from the second on (`pearson`, `pearson_1`). `DESCRIBE scores` and
    `SHOW TABLES` give what the columns and tables mean (`tasks.tables.describe`).

    Raises RefusedError for anything else, BadInputError for SQL that does not run, KeyboardInterrupt where
    Ctrl-C ended it.
    """
    if match := _DESCRIBE.fullmatch(sql):
        return describe(match[1])
    if _SHOW.fullmatch(sql):
        return show_tables()
    tables: list[str] = []
    with duckdb.connect(
        ":memory:", config={**CLOSED, "threads": min(THREADS, os.cpu_count() or 1)}
    ) as connection:
        try:
            tree = _checked(connection, sql)
            tables = _mentioned(tree)
            files = [path for name in tables for path in _open(connection, reader, name, tree)]
            _lock(connection, files)
            found = _answer(connection, sql)
            return found.rename_columns(_unique(found.column_names))
        except duckdb.PermissionException as error:
            raise RefusedError(f"a query may only read this store's tables: {_first_line(error)}") from error
        except duckdb.OutOfMemoryException as error:
            raise BadInputError(f"the query needs more than {MEMORY} of memory: select fewer rows") from error
        except RecursionError as error:
            raise RefusedError("the query is nested too deeply: write it in simpler parts") from error
        except duckdb.Error as error:
            raise mistake(error, tables) from error


def _answer(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The result, computed in a thread: DuckDB may not look for Ctrl-C in ours until the query has ended."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: connection.sql(sql).to_arrow_table())
        try:
            while not answer.done():  # a signal another thread took is only seen when a wait ends
                wait([answer], timeout=0.1)
            return answer.result()
        except KeyboardInterrupt:
            while not answer.done():  # again, should the query only begin now
                connection.interrupt()
                wait([answer], timeout=0.1)
            raise


def _unique(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        others = (f"{name}_{n}" for n in itertools.count(1))
        found.append(name if name not in found else next(o for o in others if o not in {*names, *found}))
    return found


def _checked(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The parsed statement, as DuckDB's JSON; RefusedError unless it is one SELECT from tables."""
    statements = connection.extract_statements(sql)
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


def _mentioned(tree: Any) -> list[str]:
    """The store's tables that a parsed statement names."""
    names = {str(node.get("table_name", "")).strip('"').lower() for node in _nodes(tree)}
    return sorted(names.intersection(TABLES))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a parsed statement, at any depth."""
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(part)


def _open(connection: duckdb.DuckDBPyConnection, reader: StoreReader, name: str, tree: Any) -> list[str]:
    """Make a table known; returns the files DuckDB will have to read for it."""
    files = [(commit, file) for commit in reader.commits() for file in commit.table_files(name)]
    is_on_disk = name in JOINED or name not in COMPUTED
    if not is_on_disk or not files or any(commit.table_files(name) for commit in reader.overlapping()):
        connection.register(name, view(reader, name, targets_asked(tree, name)))
        return []
    for commit, file in files:
        require_known(commit, file)
        reader.verified(file)
    source = _rows_of(reader, TABLES[name], [file for _, file in files])
    if name == "predictions":
        connection.register("_lines", cell_lines_table(reader).select(["cell_line", "lineage"]))
        source = f"SELECT p.*, lineage FROM ({source}) p LEFT JOIN _lines USING (cell_line)"  # noqa: S608
    if name == "models":  # joined here, so that a genome's weights are only read where they are selected
        connection.register("_residuals", residuals_table(reader))
        joined = f"({source}) m LEFT JOIN _residuals USING (method, target)"
        source = f"SELECT m.*, {', '.join(RESIDUALS)} FROM {joined}"  # noqa: S608 - our own names
    connection.execute(f'CREATE VIEW "{name}" AS {source}')
    return [reader.fs.location(file.path) for _, file in files]


def _rows_of(reader: StoreReader, table: Table, files: list[StoredFile]) -> str:
    """SQL for the rows of a table's files, those of each version with null in the columns added since."""
    parts = []
    for version in sorted({file.version for file in files}):
        paths = [reader.fs.location(file.path) for file in files if file.version == version]
        columns = ", ".join(_selected(column, version) for column in table.stored)
        source = f"read_parquet([{_listed(paths)}], hive_partitioning = false)"
        parts.append(f"SELECT {columns} FROM {source}")  # noqa: S608 - our own names
    return " UNION ALL ".join(parts)


def _selected(column: Column, version: int) -> str:
    if column.since <= version:
        return f'"{column.name}"'
    return f'CAST(NULL AS {_sql_type(column.type)}) AS "{column.name}"'


def _sql_type(kind: pa.DataType) -> str:
    """What DuckDB calls a column's type."""
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    return {"string": "VARCHAR", "binary": "BLOB"}.get(str(kind), str(kind))  # it knows int32, double, bool


def _lock(connection: duckdb.DuckDBPyConnection, files: list[str]) -> None:
    """From here on: those files, no other file, no network, and no way back."""
    connection.execute(f"SET allowed_paths = [{_listed(files)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _listed(paths: list[str]) -> str:
    return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
