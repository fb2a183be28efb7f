import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cluster.views.query.answer
from cluster import Store
from cluster.formats import to_bytes
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.query import query
from cluster.views.query.answer import CLOSED
from cluster.views.registry import view
from tasks.errors import BadInputError
from tasks.tables.schemas import TABLES
from tests.made_stores import made_commit, made_store, made_writer, units_of


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> StoreReader:
    return StoreReader(made_store(tmp_path_factory.mktemp("s")).fs)


# Of a run without failures, held-out lineages, or methods on all genes, with shared networks and profiles.
EMPTY = {
    *("failures", "followed", "lineages", "lineage_targets", "target_lineages"),
    *("analyses", "relations"),
    *(name for name, table in TABLES.items() if table.command),
    *("networks", "searches", "fold_choices", "profile_scores", "components", "borrowing", "modules"),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_selected_whole(reader: StoreReader, name: str) -> None:
    expected = view(reader, name)
    found = query(reader, f"SELECT * FROM {name}")  # noqa: S608 - a name of our own
    assert found.column_names == expected.column_names
    assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, expected.to_pylist()))
    assert expected.num_rows > 0 or name in EMPTY


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) AS n FROM Scores WHERE fold >= 0", [{"n": 9}]),
        ("WITH a AS (SELECT target FROM genes) SELECT max(target) AS t FROM a", [{"t": "C"}]),
        ("SELECT count(*) AS n FROM scores s JOIN genes g USING (method, target);", [{"n": 9}]),
        ("FROM range(2)", [{"range": 0}, {"range": 1}]),
        ("SELECT * FROM unnest(['x']) t(a)", [{"a": "x"}]),
        ("SELECT column_name FROM (DESCRIBE failures) LIMIT 1", [{"column_name": "method"}]),
        ('SELECT s.target FROM main."SCORES" AS s WHERE EXISTS (FROM genes) LIMIT 1', [{"target": "A"}]),
        ("SELECT unnest(modifiers) AS m FROM models LIMIT 1", [{"m": "M1"}]),
        ("SELECT 'read_csv(''/etc/passwd''); x' AS text", [{"text": "read_csv('/etc/passwd'); x"}]),
        (
            "SELECT count(*) AS n FROM (SELECT method FROM predictions UNION ALL SELECT method FROM shards)",
            [{"n": 112}],
        ),
    ],
)
def test_one_select_in_all_its_forms(reader: StoreReader, sql: str, rows: list[dict[str, object]]) -> None:
    assert query(reader, sql).to_pylist() == rows


def test_units_in_two_commits_count_once(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    made_commit(writer, units_of("AB", [0, FINAL_FOLD]))
    made_commit(writer, units_of("BC", [0, FINAL_FOLD]))
    found = query(StoreReader(writer.fs), "SELECT count(*) AS n, count(DISTINCT target) AS t FROM scores")
    assert found.to_pylist() == [{"n": 3, "t": 3}]


def test_an_empty_store_has_empty_tables(tmp_path: Path) -> None:
    reader = StoreReader(made_writer(tmp_path).fs)
    found = query(reader, "SELECT target, pearson FROM scores")
    assert found.schema == pa.schema([("target", pa.string()), ("pearson", pa.float64())])
    assert found.num_rows == 0


def test_a_mistake_is_answered_with_duckdbs_words(reader: StoreReader) -> None:
    with pytest.raises(
        BadInputError, match=r"pearsn(.|\n)*tables: analyses, borrowing, candidates, cell_lines, components, "
    ):
        query(reader, "SELECT pearsn FROM scores")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM gene", "table 'gene': there is none; did you mean genes, gene_sets?"),
        (
            "SELECT * FROM Score s JOIN genes g USING (target)",
            "table 'Score': there is none; did you mean scores?",
        ),
        ("SELECT * FROM nothing", "table 'nothing': there is none"),
        ("SELECT * FROM other.genes", "table 'other.genes': there is none; did you mean genes?"),
        ("SELECT pearsn FROM genes", "column 'pearsn': there is none; did you mean pearson"),
        ("SELECT g.pearsn FROM genes g", "column 'pearsn': there is none; did you mean pearson"),
        ("SELECT wrong FROM failures", "column 'wrong': there is none"),
        ("SELECT floo(1.5)", 'Did you mean "floor"?'),
    ],
)
def test_what_does_not_exist_is_named_with_what_is_close(reader: StoreReader, sql: str, words: str) -> None:
    with pytest.raises(BadInputError) as raised:
        query(reader, sql)
    assert words in raised.value.text()
    assert "pg_" not in raised.value.text()
    (mistake,) = raised.value.problems  # one, however many lines it takes
    assert mistake.splitlines()[-1].startswith("tables: analyses, borrowing, candidates, ")


def test_without_a_close_column_the_tables_columns_are_listed(reader: StoreReader) -> None:
    with pytest.raises(BadInputError, match="failures has method, target, fold, status, error, attempts"):
        query(reader, "SELECT wrong FROM failures")


@pytest.mark.parametrize(
    "sql", ["DESCRIBE scores", "describe Scores;", '  DESC TABLE "scores" ; ', "Describe\nscores\n"]
)
def test_a_table_is_described_by_its_definition(reader: StoreReader, sql: str) -> None:
    found = query(reader, sql)
    assert found.column_names == ["column", "type", "unit", "since", "doc"]
    assert found.column("column").to_pylist() == view(reader, "scores").column_names
    rows = {row["column"]: row for row in found.to_pylist()}
    assert (rows["n_test"]["unit"], rows["rmse"]["unit"], rows["rmse"]["type"]) == (
        "cell lines",
        "measure",
        "double",
    )
    assert "null where the measured values are constant" in rows["pearson"]["doc"]
    assert (rows["pearson"]["since"], rows["pearson_confounders"]["since"]) == (1, 2)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_described_as_it_reads(reader: StoreReader, name: str) -> None:
    described, table = query(reader, f"DESCRIBE {name}"), view(reader, name)
    assert described.column("column").to_pylist() == table.column_names
    assert described.column("type").to_pylist() == [str(field.type) for field in table.schema]


@pytest.mark.parametrize("sql", ["SHOW TABLES", "show  tables;"])
def test_the_tables_are_listed(reader: StoreReader, sql: str) -> None:
    found = query(reader, sql)
    assert found.column_names == ["table", "one_row_per", "key", "version"]
    assert found.column("table").to_pylist() == sorted(TABLES)
    rows = {row["table"]: row for row in found.to_pylist()}
    assert (rows["predictions"]["key"], rows["predictions"]["version"]) == (
        "method, target, cell_line, fold",
        3,
    )


def test_describing_what_is_no_table_names_close_ones(reader: StoreReader) -> None:
    with pytest.raises(
        BadInputError, match=r"'scor': there is none; did you mean scores\?\ntables: analyses"
    ):
        query(reader, "DESCRIBE scor")


def test_descriptions_come_in_every_format(reader: StoreReader) -> None:
    for sql in ("DESCRIBE modifiers", "SHOW TABLES"):
        table = query(reader, sql)
        assert json.loads(to_bytes(table, "json")) == table.to_pylist()
        assert to_bytes(table, "csv").decode().count("\n") == table.num_rows + 1
        assert pq.read_table(io.BytesIO(to_bytes(table, "parquet"))).equals(table)
        assert to_bytes(table, "table").decode().startswith(table.column_names[0])


def test_python_describes_too(reader: StoreReader) -> None:
    frame = Store(reader.fs.name).query("DESCRIBE genes")
    assert frame["column"].tolist() == view(reader, "genes").column_names


def test_too_little_memory_is_said(reader: StoreReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLOSED, "memory_limit", "20MB")
    with pytest.raises(BadInputError, match=r"more than \w+ of memory"):
        query(reader, "SELECT list(a.range) FROM range(3000) a, range(3000) b")


def test_columns_of_one_name_are_numbered_and_none_is_lost(reader: StoreReader) -> None:
    found = query(reader, "SELECT 1 a, 2 a, 3 a_1, 4 a")
    assert json.loads(to_bytes(found, "json")) == [{"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}]
    joined = query(reader, "SELECT * FROM genes g JOIN scores h USING (target)")
    assert len(set(joined.column_names)) == joined.num_columns
    assert {"pearson", "pearson_1"} <= set(joined.column_names)
    header = to_bytes(joined, "table").decode().splitlines()[0].split()
    assert header == joined.column_names


@pytest.fixture
def ctrl_c_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Ctrl-C does, a little CPU time after the query was let go."""
    lock = cluster.views.query.answer.lock

    def locked(connection: duckdb.DuckDBPyConnection, files: list[str]) -> None:
        lock(connection, files)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.1)

    monkeypatch.setattr(cluster.views.query.answer, "lock", locked)
    before = signal.signal(signal.SIGVTALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.usefixtures("ctrl_c_while_it_runs")
def test_ctrl_c_ends_a_query_as_it_ends_anything_else(reader: StoreReader) -> None:
    with pytest.raises(KeyboardInterrupt):
        query(reader, "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b")
