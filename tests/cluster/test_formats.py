import io
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cluster.formats import to_bytes
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
