"""The answer to a query: batch by batch as DuckDB computes it, or whole, where it is not too large."""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from cluster.errors import RefusedError
from cluster.store.reader import StoreReader
from cluster.views.query import limits
from cluster.views.query.limits import TIME_LIMIT, Running
from cluster.views.query.opening import lock, open_table
from cluster.views.query.statement import checked, mentioned, mistake
from tasks.errors import BadInputError
from tasks.tables.describe import describe, show_tables

MEMORY = "4GB"
THREADS = 4
MOST_BYTES = 2 * 10**9  # of an answer that is held whole
BATCH_ROWS = 16_384
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


@dataclass(frozen=True)
class Answer:
    """A result: its columns, and its rows in batches, to be read once.

    `is_description`: it says what tables or columns mean, and is small.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    is_description: bool = False


def query(
    reader: StoreReader, sql: str, time_limit: float = TIME_LIMIT, max_bytes: int = MOST_BYTES
) -> pa.Table:
    """The whole result of a query; see `streamed`.

    BadInputError as well where the result takes more than `max_bytes` in memory (as Arrow columns).
    """
    with streamed(reader, sql, time_limit) as answer:
        batches, size = [], 0
        for batch in answer.batches:
            batches.append(batch)
            size += batch.nbytes
            if size > max_bytes:
                raise BadInputError(
                    f"the result takes more than {max_bytes / 1e9:g} GB: select fewer rows or columns, allow "
                    "more by max_bytes, or write it to a file by knockcast query STORE SQL --out FILE.parquet"
                )
        return pa.Table.from_batches(batches, answer.schema)


@contextmanager
def streamed(
    reader: StoreReader, sql: str, time_limit: float = TIME_LIMIT, is_own_process: bool = False
) -> Iterator[Answer]:
    """The result of one SELECT (or WITH ... SELECT) over the store's tables, as it is computed.

    Only the tables the statement mentions are opened, every file after its sha256 was checked. A name that
    several columns have is numbered from the second on (`pearson`, `pearson_1`). `DESCRIBE scores` and
    `SHOW TABLES` give what the columns and tables mean (`tasks.tables.describe`). `time_limit` is in seconds,
    from when the tables are open to the last row read. `is_own_process`: the memory of this whole process
    may be bounded while the query runs (`limits.memory_bounded`).

    Raises RefusedError for anything else; BadInputError for SQL that does not run or takes too much time or
    memory; KeyboardInterrupt where Ctrl-C ended it. Each may also come while rows are read.
    """
    limits.require_time(time_limit)
    if (known := _description(sql)) is not None:
        yield Answer(known.schema, iter(known.to_batches()), is_description=True)
        return
    tables: list[str] = []
    connection = duckdb.connect(":memory:", config={**CLOSED, "threads": min(THREADS, os.cpu_count() or 1)})
    with _in_words(tables), closing(Running(connection, time_limit)) as running:
        tree = checked(connection, sql)
        tables += mentioned(tree)
        lock(connection, [path for name in tables for path in open_table(connection, reader, name, tree)])
        with limits.memory_bounded() if is_own_process else nullcontext():
            yield _answer(running, connection, sql)


def _description(sql: str) -> pa.Table | None:
    """The answer to DESCRIBE and SHOW TABLES; None to anything else."""
    if match := _DESCRIBE.fullmatch(sql):
        return describe(match[1])
    return show_tables() if _SHOW.fullmatch(sql) else None


def _answer(running: Running, connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Begin the query; of most, no row is computed before it is read."""
    source = running.call(lambda: connection.sql(sql).to_arrow_reader(BATCH_ROWS))
    schema = pa.schema(
        field.with_name(name) for name, field in zip(_unique(source.schema.names), source.schema, strict=True)
    )

    def batches() -> Iterator[pa.RecordBatch]:
        while (batch := running.call(lambda: _next(source))) is not None:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)

    return Answer(schema, batches())


def _next(source: pa.RecordBatchReader) -> pa.RecordBatch | None:
    """The next batch, None after the last; what DuckDB says comes through Arrow without its class."""
    try:
        return source.read_next_batch()
    except StopIteration:
        return None
    except (OSError, pa.ArrowException) as error:
        raise duckdb.Error(str(error)) from error


@contextmanager
def _in_words(tables: list[str]) -> Iterator[None]:
    """What can go wrong with a query, as errors of the contract; `tables` are those it names, once known."""
    try:
        yield
    except MemoryError:
        raise _too_large() from None  # a limit of ours, not the machine's: nothing to tell its user
    except RecursionError as error:
        raise RefusedError("the query is nested too deeply: write it in simpler parts") from error
    except duckdb.Error as error:
        text = str(error)
        if text.startswith("Permission Error"):
            raise RefusedError(
                f"a query may only read this store's tables: {text.splitlines()[0]}"
            ) from error
        if text.startswith("Out of Memory Error"):
            raise _too_large() from None
        raise mistake(error, tables) from error


def _too_large() -> BadInputError:
    return BadInputError(f"the query needs more than {MEMORY} of memory: select fewer rows")


def _unique(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        others = (f"{name}_{n}" for n in itertools.count(1))
        found.append(name if name not in found else next(o for o in others if o not in {*names, *found}))
    return found
