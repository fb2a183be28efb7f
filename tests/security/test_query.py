"""What a query may not do: read anything but its store's committed rows, write, or change its own limits."""

from pathlib import Path

import pytest

from cluster.errors import DamagedFileError, RefusedError
from cluster.store import layout
from cluster.store.reader import StoreReader
from cluster.views.query import query
from tasks.errors import BadInputError
from tests.made_stores import made_commit, made_store, made_writer, units_of
from tests.promises import Measured


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores")
    made_store(path / "mine")
    made_store(path / "other")
    return path


@pytest.fixture
def reader(folder: Path) -> StoreReader:
    return StoreReader.open(folder / "mine")


REFUSED = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM glob('{other}/**')",
    "SELECT * FROM read_parquet('{other}/data/scores/*.parquet')",
    "SELECT * FROM read_parquet('{mine}/data/scores/*.parquet')",
    "SELECT * FROM parquet_metadata('{other}/data/scores/*.parquet')",
    "SELECT target FROM scores WHERE target IN (SELECT content FROM read_text('/etc/passwd'))",
    "WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT 'x' c UNION ALL SELECT content FROM READ_TEXT('/x')) SELECT * FROM a",
    "SELECT * FROM scores, LATERAL (SELECT * FROM glob(target))",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('scores')",
    "SELECT * FROM pandas_scan(1::POINTER)",
    "SELECT * FROM arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)",
    "SELECT * FROM duckdb_settings()",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW scores",
    "COPY scores TO '{mine}/stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/knockcast-stolen.csv'",
    "EXPORT DATABASE '/tmp/knockcast-stolen'",
    "ATTACH '{other}/x.duckdb' AS x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "EXPLAIN SELECT 1",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW scores AS SELECT 1",
    "INSERT INTO scores SELECT * FROM scores",
    "DELETE FROM scores",
    "UPDATE scores SET pearson = 1",
    "CHECKPOINT",
    "USE memory",
    "PREPARE x AS SELECT 1",
    "CREATE SECRET s (TYPE s3)",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_refused_for_safety(reader: StoreReader, folder: Path, sql: str, measured: Measured) -> None:
    before = sorted(folder.rglob("*"))
    with pytest.raises(
        RefusedError, match=r"a query (is one SELECT statement|may only read this store's tables)"
    ):
        query(reader, sql.replace("{mine}", str(folder / "mine")).replace("{other}", str(folder / "other")))
    assert sorted(folder.rglob("*")) == before
    measured(statements_refused=1)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT getenv('HOME')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM '{other}/run.json'",
        'SELECT * FROM "{other}/data/scores"',
        "SELECT * FROM 's3://bucket/x.parquet'",
        "SELECT * FROM 'https://example.org/x.csv'",
        "SELECT * FROM reader",  # a Python variable of the caller is no table
        "WITH a AS (DELETE FROM scores RETURNING *) SELECT * FROM a",
        "SELECT nonsense FROM scores",
        "SELECT * FROM nothing",
        "SELEC 1",
    ],
)
def test_what_does_not_exist_is_bad_input_with_the_tables_named(
    reader: StoreReader, folder: Path, sql: str, measured: Measured
) -> None:
    with pytest.raises((BadInputError, RefusedError)) as raised:
        query(reader, sql.replace("{other}", str(folder / "other")))
    if isinstance(raised.value, BadInputError):
        last = raised.value.problems[-1].splitlines()[-1]
        assert last.startswith("tables: analyses, borrowing, candidates, ")
    measured(statements_refused=1)


@pytest.mark.parametrize("sql", ["", " ", ";", "-- nothing"])
def test_an_empty_statement_is_bad_input(reader: StoreReader, sql: str) -> None:
    with pytest.raises(BadInputError, match="the query is empty"):
        query(reader, sql)


def test_bytes_that_are_no_text_are_bad_input(reader: StoreReader) -> None:
    with pytest.raises(BadInputError, match="not UTF-8 text"):
        query(reader, "SELECT '\udcff'")  # what Python makes of a lone byte 255 in an argument


def test_a_statement_nested_without_end_is_refused(reader: StoreReader) -> None:
    with pytest.raises((BadInputError, RefusedError), match=r"nested too deeply|depth"):
        query(reader, "SELECT " + "(" * 900 + "1" + "+1)" * 900)


def test_files_on_disk_that_no_commit_names_are_not_rows(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    key = made_commit(writer, units_of("A", [0]))
    stray = writer.fs.read(layout.data_path("scores", key, 1))
    writer.fs.create(layout.data_path("scores", "f" * 64, 1), stray)
    assert query(StoreReader(writer.fs), "SELECT count(*) n FROM scores").to_pylist() == [{"n": 1}]


def test_a_damaged_file_is_noticed_before_duckdb_opens_it(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    commit = next(c for c in StoreReader(writer.fs).commits() if c.table_files("scores"))
    path = tmp_path / commit.table_files("scores")[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFileError):
        query(StoreReader(writer.fs), "SELECT * FROM scores")
    assert query(StoreReader(writer.fs), "SELECT count(*) n FROM candidates").num_rows == 1


def test_a_quote_in_the_folders_name_is_only_a_quote(tmp_path: Path) -> None:
    writer = made_store(tmp_path / 'o\'brien, "x"] --')
    assert query(StoreReader(writer.fs), "SELECT count(*) n FROM scores").to_pylist() == [{"n": 9}]
