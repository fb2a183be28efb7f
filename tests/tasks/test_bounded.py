"""Files that would fill the memory or never end are refused in time. The bounds are small here."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster.explorer.forecast import read_forecast
from tasks import bounded
from tasks.errors import BadInputError
from tasks.forecasts.tables import read_columns
from tasks.gene_sets import symbols
from tasks.gene_sets.paralogs import read_paralogs
from tasks.gene_sets.symbols import read_bytes
from tasks.importing.cell_line_table import read_text_table
from tasks.importing.importer import import_release
from tasks.importing.matrices import GENES
from tasks.importing.parquet_matrix import read_parquet_matrix
from tasks.importing.text_matrix import read_text_matrix
from tasks.samples.gene_map import read_gene_map
from tasks.samples.table import read_table
from tests.promises import Measured

GOOD = b"ModelID,TP53,KRAS\nACH-1,0.5,1.5\nACH-2,0.25,2\n"
READERS = {
    "matrix": lambda path: read_text_matrix(path, GENES),
    "text": read_text_table,
    "samples": read_table,
    "map": read_gene_map,
}
BOMBS = {
    "one line": (b"x" * 40_000, r"row 1: the line has more than 5000 bytes"),
    "one line of cells": (b"id" + b",1" * 20_000, r"row 1: the line has more than 5000 bytes"),
    "a long row": (GOOD + b"ACH-3,0," + b"1" * 40_000, r"row 4: the line has more than 5000 bytes"),
    "nothing but line ends": (GOOD + b"\n" * 40_000, r"more than 300 rows; .* is it damaged\?"),
    "rows without end": (GOOD + b"A,1,2\n" * 10_000, r"more than 300 rows; .* split it into several files"),
    "an open quote": (GOOD + b'ACH-3,"' + b"1\n" * 20_000, r"more than 300 rows|quote|cannot be read"),
}


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = {"MOST_LINE": 5000, "MOST_ROWS": 300, "MOST_COLUMNS": 50, "MOST_CELLS": 3000}
    for name, bound in (bounds | {"MOST_CELLS_SMALL": 2000, "CELLS_PER_BYTE": 1}).items():
        monkeypatch.setattr(bounded, name, bound)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_by_what_they_are(
    tmp_path: Path, bomb: str, reader: str, ending: str, measured: Measured
):
    data, words = BOMBS[bomb]
    path = written(tmp_path / f"x{ending}", data)
    with pytest.raises(BadInputError, match=words) as found:
        READERS[reader](path)
    assert all(str(path) in problem for problem in found.value.problems)
    measured(bombs_refused=1)


@pytest.mark.parametrize("reader", ["matrix", "text", "samples"])
def test_what_is_within_the_bounds_is_read(tmp_path: Path, reader: str):
    rows = b"".join(b"ACH-%d,0.5,2\n" % number for number in range(290))
    data = b"ModelID,TP53,KRAS\n" + rows + b"\n" * 5
    assert READERS[reader](written(tmp_path / "x.csv.gz", data)) is not None  # and raises nothing


@pytest.mark.parametrize("reader", ["matrix", "samples"])
def test_cells_count_and_a_small_file_may_hold_fewer(tmp_path: Path, reader: str):
    header = b"ModelID," + b",".join(b"G%d" % gene for gene in range(19)) + b"\n"
    rows = b"".join(b"ACH-%d" % number + b",1" * 19 + b"\n" for number in range(120))  # 20 columns
    with pytest.raises(
        BadInputError, match="more than 101 rows; a table of that shape and size may have 101"
    ):
        READERS[reader](written(tmp_path / "x.csv.gz", header + rows))
    READERS[reader](written(tmp_path / "x.csv", header + rows))  # as many, in a file that is larger
    with pytest.raises(BadInputError, match="more than 151 rows"):
        READERS[reader](written(tmp_path / "x.csv", header + rows + rows.replace(b"ACH", b"B")))
    with pytest.raises(BadInputError, match="51 columns; expected 50 at most"):
        READERS[reader](
            written(tmp_path / "x.csv", b"ModelID" + b",G" * 50 + b"\nACH-1" + b",1" * 50 + b"\n")
        )


def test_parquet_is_refused_by_what_it_says_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: Measured
):
    path = tmp_path / "x.parquet"
    pd.DataFrame({"id": ["L"] * 400, "A": 1.0}).to_parquet(path)
    for read in (lambda p: read_parquet_matrix(p, GENES), read_table, read_text_table, read_gene_map):
        with pytest.raises(BadInputError, match=r"400 rows x 2 columns; .* may have 300 rows"):
            read(path)
    wide = pd.DataFrame(np.zeros((120, 30)), columns=[f"G{i}" for i in range(30)])
    wide.assign(id=[f"L{i}" for i in range(120)]).to_parquet(path, compression="zstd")
    with pytest.raises(BadInputError, match="120 rows x 31 columns"):
        read_table(path)
    wide.iloc[:60].assign(id=[f"L{i}" for i in range(60)]).to_parquet(path)
    assert len(read_table(path).rows) == 60
    monkeypatch.setattr(bounded, "MOST_COLUMNS", 30)
    with pytest.raises(BadInputError, match="31 columns; expected 30 at most"):
        read_table(path)
    measured(bombs_refused=1)


def test_long_tables_are_refused_by_their_cells(tmp_path: Path):
    path = tmp_path / "x.parquet"
    frame = pd.DataFrame({"sample": ["S"] * 1600, "target": "T", "predicted": 1.0})
    frame.to_parquet(path)
    assert read_columns(path, ["predicted"]).num_rows == 1600
    for read in (read_forecast, lambda p: read_columns(p, list(frame.columns))):
        with pytest.raises(BadInputError, match=r"1600 rows x 3 columns; .* may have 1000 rows"):
            read(path)


def repeated(word: str, rows: int) -> pa.DictionaryArray:
    """A word that is stored once and stands in every row."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([word]))


def test_words_count_as_often_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "MOST_BYTES", 20_000)
    path, ids = tmp_path / "x.parquet", pa.array([f"L{i}" for i in range(200)])
    readers = [read_table, read_text_table, read_gene_map, lambda p: read_columns(p, ["sample", "note"])]
    lists = pa.array([["q" * 90]] * 200)
    for words in (repeated("q" * 100, 200), pa.array(["q" * 99 + str(i % 10) for i in range(200)])):
        pq.write_table(pa.table({"sample": ids, "note": words, "TP53": pa.array([1.0] * 200)}), path)
        assert path.stat().st_size < 10_000
        for read in readers:
            with pytest.raises(BadInputError, match=r"2\d{4} bytes of text; a table may have 20000"):
                read(path)
    pq.write_table(pa.table({"sample": ids, "note": repeated("q" * 90, 200), "TP53": [1.0] * 200}), path)
    assert read_table(path).texts["note"] == ["q" * 90] * 200
    assert read_text_table(path).rows[0] == ["L0", "q" * 90, "1.0"]
    pq.write_table(pa.table({"gene1": ids, "gene2": repeated("q" * 100, 200)}), path)
    with pytest.raises(BadInputError, match="bytes of text"):
        read_paralogs(path)
    pq.write_table(pa.table({"sample": ids, "b": pa.array([b"x" * 200] * 200, pa.binary(200))}), path)
    with pytest.raises(BadInputError, match="bytes of text"):
        read_table(path)
    pq.write_table(pa.table({"sample": ids, "TP53": [1.0] * 200, "l": lists}), path)
    assert "is not used" in read_table(path).notes[-1]  # and its words are not written out


def test_a_row_of_lists_has_more_values_than_one(tmp_path: Path):
    path = tmp_path / "x.parquet"
    lists = pa.array([[0.0] * 500] * 5, pa.list_(pa.float64()))
    pq.write_table(pa.table({"sample": [f"L{i}" for i in range(5)], "lists": lists}), path)
    with pytest.raises(BadInputError, match="2505 values; a file of its size may have 2000"):
        read_table(path)


@pytest.mark.parametrize(
    ("reader", "row"), [("text", 0), ("text", 1), ("text", 5), ("samples", 0), ("samples", 1), ("matrix", 0)]
)
def test_a_cell_is_no_book(tmp_path: Path, reader: str, row: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "MOST_LINE", 2**24)
    rows = ["ModelID,note,TP53", *(f"ACH-{i},note,1" for i in range(9))]
    rows[row] = rows[row].replace("note", "q" * 200_000)
    with pytest.raises(BadInputError, match=rf"row {row + 1}: .*larger than field limit \(131072\)"):
        READERS[reader](written(tmp_path / "x.csv", "\n".join(rows).encode()))


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_bytes_count_beside_cells(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "MOST_BYTES", 20_000)
    monkeypatch.setattr(bounded, "BYTES_PER_NUMBER", 1)
    data = b"ModelID,note\n" + b"".join(b"ACH-%d,%s\n" % (i, b"q" * 200) for i in range(150))
    with pytest.raises(BadInputError, match=r"more bytes than a table of that size may have"):
        read_text_table(written(tmp_path / f"x{ending}", data))


def test_paralogs_are_refused_by_what_their_file_says(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pd.DataFrame({"gene1": ["TP53"] * 400, "gene2": "KRAS"}).to_parquet(path)
    with pytest.raises(BadInputError, match=r"400 rows x 2 columns; .* may have 300 rows"):
        read_paralogs(path)


def test_an_h5ad_is_refused_before_its_values_are_read(tmp_path: Path):
    anndata = pytest.importorskip("anndata", reason="anndata is not installed: .h5ad was not tested")
    obs, var = (pd.DataFrame(index=pd.Index([f"N{i}" for i in range(n)], dtype=object)) for n in (200, 40))
    held = anndata.AnnData(np.zeros((200, 40), np.float32), obs=obs, var=var)
    held.write_h5ad(tmp_path / "x.h5ad", compression="gzip")
    with pytest.raises(BadInputError, match="200 rows x 40 columns"):
        read_table(tmp_path / "x.h5ad")
    written(tmp_path / "y.h5ad", (tmp_path / "x.h5ad").read_bytes()[:2000])
    with pytest.raises(BadInputError, match=r"not a readable \.h5ad file"):
        read_table(tmp_path / "y.h5ad")


def test_gene_sets_unpack_to_so_much_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(symbols, "MOST_BYTES", 5000)
    path = written(tmp_path / "x.gmt.gz", b"a\tb\tTP53\n" * 500)
    assert len(read_bytes(path)[0]) == 4500
    with pytest.raises(BadInputError, match="holds more than 5000 bytes when it is unpacked"):
        read_bytes(written(path, b"a\tb\tTP53\n" * 600))


@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_a_pipe_is_no_file_that_ends(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / name)
    with pytest.raises(BadInputError, match="is no regular file"):
        read_table(tmp_path / name)


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_import_of_a_bomb_writes_nothing(tmp_path: Path, bomb: str):
    written(tmp_path / "effect.csv", GOOD)
    written(tmp_path / "models.csv", b"ModelID,OncotreeLineage\nACH-1,Lung\nACH-2,Skin\n")
    written(tmp_path / "expression.csv.gz", BOMBS[bomb][0])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadInputError):
        import_release(tmp_path, out=tmp_path / "d")
    assert sorted(tmp_path.iterdir()) == before


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
