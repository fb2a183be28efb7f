"""What a query may take: rows come as they are computed; its time, memory and answer are bounded."""

import resource
import subprocess
import sys
import threading
import time
from functools import partial

import duckdb
import pyarrow as pa
import pytest

from cluster import Store
from cluster.errors import ExitCode, is_out_of_memory
from cluster.store.reader import StoreReader
from cluster.views.query import limits, query, streamed
from cluster.views.query.answer import _in_words
from cluster.views.query.limits import Running, memory_bounded
from tasks.errors import BadInputError
from tests.made_stores import made_store
from tests.promises import Measured

ENDLESS = "SELECT sum(a.range * b.range) FROM range(3000000000) a, range(3000000000) b"
CROSS = "FROM predictions a, predictions b, predictions c, predictions d, predictions e"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> StoreReader:
    return StoreReader(made_store(tmp_path_factory.mktemp("s")).fs)


@pytest.mark.parametrize("sql", ["SELECT * FROM range(3000000000)", CROSS, f"SELECT a.target {CROSS}"])
def test_rows_come_before_all_are_computed(reader: StoreReader, sql: str, measured: Measured) -> None:
    with streamed(reader, sql, time_limit=30) as answer:
        first = next(answer.batches)
    assert first.num_rows > 0
    assert first.schema == answer.schema
    assert first.nbytes < 10**8
    measured(endless_queries_that_answered=1)


def test_batches_are_the_rows_in_their_order(reader: StoreReader) -> None:
    with streamed(reader, "SELECT range AS n FROM range(100000)") as answer:
        batches = list(answer.batches)
    assert len(batches) > 1
    assert pa.Table.from_batches(batches)["n"].to_pylist() == list(range(100_000))


@pytest.mark.parametrize(
    "sql", [ENDLESS, f"SELECT count(*) {CROSS}", f"SELECT a.fold {CROSS} ORDER BY a.measured"]
)
def test_a_query_that_takes_too_long_is_ended(reader: StoreReader, sql: str, measured: Measured) -> None:
    begun = time.monotonic()
    with pytest.raises(BadInputError, match=r"ended after 0\.3 seconds: select fewer rows.*--time-limit"):
        query(reader, sql, time_limit=0.3)
    assert time.monotonic() - begun < 20
    measured(seconds_until_a_query_was_ended=time.monotonic() - begun)


def test_the_time_runs_while_rows_are_read(reader: StoreReader) -> None:
    with (
        pytest.raises(BadInputError, match=r"ended after 0\.5 seconds"),
        streamed(reader, "FROM range(3000000000)", 0.5) as answer,
    ):
        for _ in answer.batches:
            pass


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_time_limit_is_a_positive_number(reader: StoreReader, seconds: float) -> None:
    with pytest.raises(BadInputError, match=r"time limit .*: expected seconds, more than 0"):
        query(reader, "SELECT 1", time_limit=seconds)


def test_an_answer_too_large_to_hold_is_bad_input(reader: StoreReader) -> None:
    store = Store(reader.fs.name)
    for sql in ("SELECT * FROM range(3000000000)", CROSS):
        with pytest.raises(BadInputError, match=r"more than 0\.01 GB: .*--out FILE\.parquet"):
            store.query(sql, max_bytes=10**7)
    with pytest.raises(BadInputError, match=r"ended after 0\.3 seconds"):
        store.query(ENDLESS, time_limit=0.3)


def test_what_fails_while_rows_are_read_is_told_as_any_mistake(reader: StoreReader) -> None:
    failing = "SELECT CAST(CASE range WHEN 90000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(100000)"
    with (
        pytest.raises(BadInputError, match=r"Could not convert string 'x'(.|\n)*tables: analyses"),
        streamed(reader, failing) as answer,
    ):
        list(answer.batches)


def test_what_duckdb_does_not_count_as_memory_is_bounded(
    reader: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "memory_bounded", partial(memory_bounded, 300_000_000))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with (
        pytest.raises(BadInputError, match="more than 4GB of memory"),
        streamed(
            reader, "SELECT length(range(n * 100000000)) FROM range(1, 3) t(n)", 60, is_own_process=True
        ) as answer,
    ):
        list(answer.batches)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_what_does_not_hear_an_interruption_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 0.1)
    connection, over = duckdb.connect(":memory:"), threading.Event()
    running = Running(connection, 0.1)
    with pytest.raises(BadInputError, match=r"ended after 0\.1 seconds"):
        running.call(over.wait)
    assert running.is_stuck
    running.close()
    connection.execute("SELECT 1")  # closing it would have to wait for what runs
    over.set()


STUCK = """
import sys
from cluster.views.query import limits
limits.PATIENCE = 0.0  # whatever still runs does not hear us
from cluster.cli.app import main
sys.argv = ["knockcast", "query", sys.argv[1], sys.argv[2], "--time-limit", "1"]
main()
"""


def test_a_command_ends_with_one_line_though_its_query_does_not(reader: StoreReader) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK, reader.fs.name, ENDLESS],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == ExitCode.BAD_INPUT
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the query was ended after 1 seconds: ")


@pytest.mark.parametrize("error", [MemoryError(), duckdb.Error("Out of Memory Error: no more")])
def test_a_limit_of_the_query_is_not_told_as_the_machines(error: Exception) -> None:
    with pytest.raises(BadInputError, match="more than 4GB") as raised, _in_words([]):
        raise error from OSError("Out of Memory Error: no more")
    assert not is_out_of_memory(raised.value)


def test_the_thread_of_a_query_that_is_cut_off_has_ended(reader: StoreReader) -> None:
    """Else DuckDB complains at length, where Python ends before it."""
    for _ in range(20):
        with streamed(reader, "SELECT * FROM range(300000)") as answer:
            next(iter(answer.batches))
        assert not [each for each in threading.enumerate() if "_serve" in each.name and each.is_alive()]
