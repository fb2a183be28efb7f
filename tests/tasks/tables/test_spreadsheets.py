"""CSV files that a person opens in a spreadsheet run no formula, and read back as they were."""

import csv
import io

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.formats import frame_bytes, to_bytes, write_frames
from tasks.tables.spreadsheets import as_cell, as_cells, as_named
from tests.promises import Measured

TEXTS = st.text(st.sampled_from("=+-@'\t\rA1.,e ＝－"), max_size=6) | st.text(max_size=8)


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", "＝1", "--"]
)
def test_what_a_spreadsheet_runs_gets_an_apostrophe(text: str, measured: Measured):
    assert as_cell(text) == f"'{text}"
    measured(formulas_written_as_text=1)


@pytest.mark.parametrize(
    "text", ["", "TP53", "-1", "+2.5", "-1e-5", "-", "+", "5'-NT", "'quoted'", "a=b", "1-Mar", "-.5"]
)
def test_numbers_and_names_stay(text: str):
    assert as_cell(text) == text


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=5))
def test_every_text_reads_back_and_columns_are_as_texts(texts: list[str | None]):
    cells = [None if text is None else as_cell(text) for text in texts]
    assert [None if cell is None else as_named(cell) for cell in cells] == texts
    for kind in (pa.string(), pa.large_string()):
        assert as_cells(pa.array(texts, kind)).to_pylist() == cells
    assert as_cells(pa.array(texts, pa.string()).dictionary_encode()).to_pylist() == cells


def test_every_csv_that_is_written_is_guarded_and_numbers_are_untouched():
    frame = pd.DataFrame({"=x": ["=1+1", "-1", "A"], "n": [-1.5, 2.0, -3.0]})
    sink = io.BytesIO()
    write_frames(sink, "csv", [frame.iloc[:2], frame.iloc[2:]])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for data in (sink.getvalue(), frame_bytes(frame, "csv"), to_bytes(table, "csv")):
        rows = list(csv.reader(io.StringIO(data.decode())))
        assert rows == [["'=x", "n"], ["'=1+1", "-1.5"], ["-1", "2"], ["A", "-3"]]
    assert b"'" not in to_bytes(table, "json")
