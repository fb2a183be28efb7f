"""`knockcast query`: what it prints and writes, of results of any size."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cluster import formats
from cluster.cli.answers import run_query
from tasks.errors import BadInputError
from tasks.tables.describe import describe, show_tables
from tasks.tables.schemas import TABLES
from tests.made_stores import made_store

LARGE = "SELECT range AS n, 'x' AS name FROM range(20000)"
FAILING = "SELECT CASE WHEN range = 40000 THEN error('no') ELSE repeat('x', 200) END AS x FROM range(50000)"
LATE = "SELECT CASE WHEN range = 900000 THEN error('no') ELSE 'x' END AS x FROM range(1000000)"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("s") / "store"
    made_store(path)
    return str(path)


def test_the_ending_chooses_the_format_and_all_rows_are_written(store: str, tmp_path: Path) -> None:
    for ending in ("csv", "json", "parquet"):
        run_query(store, LARGE, None, tmp_path / f"x.{ending}", 60)
    rows = [{"n": n, "name": "x"} for n in range(20_000)]
    assert pyarrow.csv.read_csv(tmp_path / "x.csv").to_pylist() == rows
    assert json.loads((tmp_path / "x.json").read_text()) == rows
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == rows
    run_query(store, "SELECT 1 AS a", "json", tmp_path / "y.csv", 60)  # what is asked for counts
    assert json.loads((tmp_path / "y.csv").read_text()) == [{"a": 1}]


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "txt"])
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_query_that_fails_leaves_no_file_and_changes_none(
    store: str, tmp_path: Path, ending: str, before: bytes | None
) -> None:
    out = tmp_path / f"x.{ending}"
    if before is not None:
        out.write_bytes(before)
    with pytest.raises(BadInputError):
        run_query(store, LATE if ending == "csv" else FAILING, None, out, 60)
    with pytest.raises(BadInputError, match="ended after"):
        run_query(store, "SELECT count(*) FROM range(3000000000) a, range(3000000000) b", None, out, 0.2)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_table_for_people_ends_after_its_first_rows_and_says_so(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_query(store, "SELECT a.range FROM range(3000000000) a, range(1000) b", None, None, 60)
    shown = capsys.readouterr()
    assert shown.out.count("\n") == formats.MOST_ROWS + 1
    assert shown.err == "10000 rows shown of more; --out FILE.csv (.json, .parquet) writes all\n"
    run_query(store, f"FROM range({formats.MOST_ROWS})", None, None, 60)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("width", [80, 100, 200])
def test_descriptions_are_as_wide_as_the_terminal_and_lose_no_word(
    store: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for sql, described in [("SHOW TABLES", show_tables()), *((f"DESCRIBE {n}", describe(n)) for n in TABLES)]:
        run_query(store, sql, None, None, 60)
        shown = capsys.readouterr().out
        assert max(map(len, shown.splitlines())) <= width
        words = [word for row in described.to_pylist() for cell in row.values() for word in str(cell).split()]
        assert sorted(shown.split()) == sorted([*described.column_names, *words])
        run_query(store, sql, "csv", None, 60)
        assert capsys.readouterr().out.count("\n") == described.num_rows + 1  # a row a line for programs


def test_a_table_in_a_file_is_whole_or_refused(store: str, tmp_path: Path) -> None:
    run_query(store, "SELECT 1 AS a", None, tmp_path / "x.txt", 60)
    assert (tmp_path / "x.txt").read_text() == "a\n1\n"
    with pytest.raises(BadInputError, match=r"has at most 10000 of these rows: name a file FILE\.csv"):
        run_query(store, LARGE, None, tmp_path / "y.txt", 60)
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


class Full(io.BytesIO):
    """An output that takes so much and no more, as `| head` does."""

    def write(self, data: Any) -> int:
        if self.tell() > 100_000:
            raise BrokenPipeError
        return super().write(data)


def test_rows_are_printed_as_they_are_computed(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = Full()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed))
    with pytest.raises(BrokenPipeError):  # long before the last of these rows would be computed
        run_query(store, "SELECT a.range AS x FROM range(3000000000) a, range(1000) b", "csv", None, 60)
    assert printed.getvalue().startswith(b'"x"\n0\n')
