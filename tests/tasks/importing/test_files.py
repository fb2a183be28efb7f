from pathlib import Path

import pytest

from tasks.errors import BadInputError
from tasks.importing.files import file_type, read_header


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", ".csv"), ("a.b.CSV.GZ", ".csv"), ("a.tsv", ".tsv"), ("a.parquet", ".parquet"), ("a", ""),
        ("a.xlsx", ""), ("a.parquet.gz", ""), ("a.gz", ""), (".csv", ""),
    ],
)  # fmt: skip
def test_file_types(tmp_path, name, kind):
    assert file_type(tmp_path / name) == kind


def test_a_header_may_go_on_in_the_next_line(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,"A\nB",C\nL1,1,2\n')
    assert read_header(path) == ["id", "A\nB", "C"]
    path.write_bytes(b'id,5" A,C\nL1,1,2\n')  # a quote inside a name opens nothing
    assert read_header(path) == ["id", '5" A', "C"]


def test_line_ends_of_old_macs_are_refused_in_words(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"id,A\rL1,1\rL2,2\r")
    with pytest.raises(BadInputError, match="row 1: lines end in carriage returns alone"):
        read_header(tmp_path / "a.csv")


def test_an_endless_quote_in_the_header_is_refused(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text('id,A,"B\n' + "L1,1,2\n" * 2_500_000)
    with pytest.raises(BadInputError, match=r"row 1: .*is a quote left open"):
        read_header(path)
