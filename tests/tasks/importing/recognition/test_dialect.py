"""How text is written is told from its start, and only where one answer fits."""

import pytest

from tasks.importing.recognition.dialect import Dialect, dialect_of, padding, point_for_comma

PLAIN = "id,A,B\nL1,0.5,1\nL2,2,-3.25\n"


@pytest.mark.parametrize(
    ("text", "separator", "decimal"),
    [
        (PLAIN, ",", "."),
        (PLAIN.replace(",", ";"), ";", "."),
        (PLAIN.replace(",", "\t"), "\t", "."),
        (PLAIN.replace(",", ";").replace(".", ","), ";", ","),
        ('id,A\nL1,"0,5"\nL2,"1,25"\n', ",", ","),  # quoted, as some locales write .csv
        ("id;A\nL1;1,500\nL2;0,250\n", ";", ","),  # "0,250" cannot be thousands
        ("id;A\nL1;1e-3\nL2;-1,5E+2\n", ";", ","),
        ("id;A, x\nL1;1, 2\n", ";", "."),  # two columns by commas, too, but the first holds the semicolon
        ("id;A\nL1;1;2\n", ",", "."),  # no separator is regular
        ("", ",", "."),
    ],
)
def test_separator_and_decimal_sign(text: str, separator: str, decimal: str):
    for ending in ("\n", "\r\n"):
        found = dialect_of(text.replace("\n", ending).encode(), ",")
        assert found == Dialect(separator, ",", decimal=decimal)


def test_what_may_be_thousands_stays_open():
    found = dialect_of(b"id;A\nL1;1,500\nL2;22,250\nL3;7\n", ",")
    assert (found.decimal, found.ambiguous) == (".", "1,500")


def test_points_and_commas_together_are_points_for_the_reader_to_refuse():
    assert dialect_of(b"id;A\nL1;1,5\nL2;0.25\n", ",") == Dialect(";", ",")


def test_a_byte_order_mark_and_a_last_line_cut_off():
    found = dialect_of(b"\xef\xbb\xbf" + PLAIN.encode() + b"L3,4", ",")
    assert found == Dialect(",", ",", marked=True)
    assert found.notes() == ("a byte order mark",)
    german = dialect_of(("\ufeff" + PLAIN.replace(",", ";").replace(".", ",")).encode(), ",")
    assert german.notes() == ("a byte order mark", "semicolons between values", "decimal commas")


def test_columns_that_a_spreadsheet_added():
    assert padding(["", "A", "B", "", " "]) == (3, 4)
    assert padding(["id", "A", "", "B"]) == ()
    assert padding(["", ""]) == ()


def test_numbers_alone_change_their_decimal_sign():
    assert [point_for_comma(text) for text in ("1,5", "-0,25e3", "a,b", "1,2,3", "1.5")] == [
        "1.5", "-0.25e3", "a,b", "1,2,3", "1.5"
    ]  # fmt: skip
