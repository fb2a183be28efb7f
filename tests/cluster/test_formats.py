import io
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cluster import formats
from cluster.formats import beginning, to_bytes, write_batches
from tasks.errors import BadInputError

TABLE = pa.table(
    {
        "target": ["A", 'b,"c"', None],
        "r": [0.123456789, float("nan"), None],
        "n": [1, -20, None],
        "modifiers": [["M1"], [], None],
        "weights": pa.array([b"\x00\xff", b"", None], pa.binary()),
    }
)


def test_table_is_aligned() -> None:
    assert to_bytes(TABLE.select(["target", "r", "n"]), "table").decode() == (
        'target         r    n\nA       0.123457    1\nb,"c"        nan  -20\n\n'
    )


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = to_bytes(pa.table({"a": ["\x1b[2Jgone\nnext"]}), "table").decode()
    assert text == "a\n�[2Jgone�next\n"


def test_csv_is_read_back() -> None:
    found = pyarrow.csv.read_csv(io.BytesIO(to_bytes(TABLE, "csv"))).to_pylist()
    assert found[0] == {"target": "A", "r": 0.123456789, "n": 1, "modifiers": '["M1"]', "weights": "00ff"}
    assert found[1]["target"] == 'b,"c"'


def test_json_is_strict() -> None:
    found = json.loads(to_bytes(TABLE, "json"), parse_constant=pytest.fail)
    assert found[0] == {"target": "A", "r": 0.123456789, "n": 1, "modifiers": ["M1"], "weights": "00ff"}
    assert found[1]["r"] is None
    assert json.loads(to_bytes(TABLE.slice(0, 0), "json")) == []


def test_parquet_is_the_table() -> None:
    whole = TABLE.drop_columns(["r"])  # NaN is not equal to itself
    assert pq.read_table(pa.BufferReader(to_bytes(whole, "parquet"))).equals(whole)


@pytest.mark.parametrize("kind", ["table", "csv", "json", "parquet"])
def test_no_rows_and_no_columns_are_fine(kind: str) -> None:
    assert to_bytes(TABLE.slice(0, 0), kind)


def test_another_format_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="--format xml: unknown; known are table, csv, json, parquet"):
        to_bytes(TABLE, "xml")


@pytest.mark.parametrize("kind", ["table", "json"])
@pytest.mark.parametrize("type_", [pa.timestamp("us"), pa.date32()])
def test_a_time_no_calendar_has_is_bad_input(kind: str, type_: pa.DataType) -> None:
    last = pa.array([2**63 - 1 if type_ == pa.timestamp("us") else 2**31 - 1]).cast(pa.int64())
    endless = (last.cast(pa.int32()) if pa.types.is_date(type_) else last).cast(type_)
    with pytest.raises(BadInputError, match=f"--format {kind} cannot hold .* CAST its column AS VARCHAR"):
        to_bytes(pa.table({"t": endless}), kind)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_type_the_format_lacks_is_bad_input(kind: str) -> None:
    month = pa.array([pa.MonthDayNano([1, 0, 0])])
    with pytest.raises(BadInputError, match=f"--format {kind} cannot hold .* CAST its column AS VARCHAR"):
        to_bytes(pa.table({"t": month}), kind)


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
@pytest.mark.parametrize("rows", [1, 2, 100])
def test_batches_of_any_size_are_written_as_the_whole_is(kind: str, rows: int) -> None:
    for table in (TABLE, TABLE.slice(0, 0)):
        sink = io.BytesIO()
        write_batches(sink, kind, table.schema, table.to_batches(max_chunksize=rows))
        if kind == "parquet":  # a whole table is one row group
            found = pq.read_table(io.BytesIO(sink.getvalue()))
            assert (found.schema, repr(found.to_pylist())) == (table.schema, repr(table.to_pylist()))
        else:
            assert sink.getvalue() == to_bytes(table, kind)


def test_row_groups_do_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "GROUP_ROWS", 4)
    table, written = pa.table({"n": range(10)}), []
    for rows in (1, 3, 10):
        sink = io.BytesIO()
        write_batches(sink, "parquet", table.schema, table.to_batches(max_chunksize=rows))
        written.append(sink.getvalue())
    assert written[0] == written[1] == written[2]
    assert pq.ParquetFile(io.BytesIO(written[0])).num_row_groups == 3
    monkeypatch.setattr(formats, "GROUP_BYTES", 1)
    write_batches(sink := io.BytesIO(), "parquet", table.schema, table.to_batches(max_chunksize=5))
    assert pq.read_table(io.BytesIO(sink.getvalue())).equals(table)
    assert pq.ParquetFile(io.BytesIO(sink.getvalue())).num_row_groups == 2


def test_the_beginning_is_bounded_in_rows_in_text_and_in_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = pa.record_batch({"text": ["x" * 10] * 5})

    def endless() -> Iterator[pa.RecordBatch]:
        while True:
            yield batch

    monkeypatch.setattr(formats, "MOST_ROWS", 7)
    assert beginning(batch.schema, [batch]) == (to_bytes(pa.table(batch), "table").decode(), 5, False)
    text, shown, is_more = beginning(batch.schema, endless())
    assert (text.count("\n"), shown, is_more) == (8, 7, True)
    monkeypatch.setattr(formats, "MOST_TEXT", 35)
    assert beginning(batch.schema, endless())[1:] == (3, True)
    monkeypatch.setattr(formats, "MOST_CELL", 4)
    assert beginning(batch.schema, endless())[0].splitlines()[1] == "xxxx"
