import pyarrow as pa
import pytest

from tasks.tables.columns import Column, Table, schema_of

KEY = Column("target", pa.string(), "the target")
R = Column("r", pa.float64(), "a correlation")
NEW = Column("rho", pa.float64(), "another", since=2)
ADDED = Column("note", pa.string(), "what readers add", computed=True)


def test_a_file_of_a_version_holds_the_columns_of_its_time() -> None:
    table = Table("toys", "target", ("target",), (KEY, R, NEW, ADDED), version=2)
    assert [column.name for column in table.stored_in(1)] == ["target", "r"]
    assert [column.name for column in table.stored_in(2)] == ["target", "r", "rho"]
    assert table.stored_schema == schema_of((KEY, R, NEW))
    assert table.schema.names == ["target", "r", "rho", "note"]


def test_a_computed_column_raises_no_files_version() -> None:
    later = Column("note", pa.string(), "what readers add", since=2, computed=True)
    table = Table("toys", "target", ("target",), (KEY, R, later), version=2)
    assert (table.version, table.file_version) == (2, 1)


def test_a_computed_table_has_no_files() -> None:
    table = Table("toys", "target", ("target",), (KEY, R), computed=True)
    assert (table.stored, table.file_version) == ((), 0)
    assert table.schema.names == ["target", "r"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Toys2"}, "not of small letters and underscores"),
        ({"columns": (KEY, R, R)}, "two columns have one name"),
        ({"key": ("fold",)}, "its key is not among its columns"),
        ({"columns": (KEY, ADDED, R)}, "a computed column stands before a stored one"),
        ({"columns": (KEY, R, NEW)}, "its version is not that of its newest column"),
        ({"version": 2}, "its version is not that of its newest column"),
    ],
)
def test_a_definition_that_contradicts_itself_is_refused(changes: dict[str, object], words: str) -> None:
    given: dict[str, object] = {
        "name": "toys",
        "one_row_per": "target",
        "key": ("target",),
        "columns": (KEY, R),
    }
    with pytest.raises(ValueError, match=words):
        Table(**(given | changes))  # type: ignore[arg-type]
