import re
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import BadInputError
from tasks.tables.describe import describe, markdown, show_tables, table_named
from tasks.tables.schemas import TABLES

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "tables.md"
UNITS = {
    *("", "measure", "measure per log2(TPM+1)", "core-seconds", "bytes"),
    *("cell lines", "genes", "folds", "targets", "lineages", "samples", "epochs"),
}


def test_the_docs_are_those_of_the_definitions() -> None:
    assert DOCS.read_text(encoding="utf-8") == markdown(), (
        "docs/tables.md is not what the definitions say: run `python -m tasks.tables > docs/tables.md`"
    )


def test_the_command_prints_the_docs() -> None:
    done = subprocess.run([sys.executable, "-m", "tasks.tables"], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.decode() == markdown()


@pytest.mark.parametrize("name", TABLES)
def test_every_table_and_column_says_what_it_means(name: str) -> None:
    table = TABLES[name]
    assert len(table.one_row_per.split()) >= 3
    for column in table.columns:
        assert column.doc.split(), column.name
        assert not column.doc.endswith("."), column.name
        assert column.unit in UNITS, column.name
        assert "forecast" not in column.doc, column.name


def test_the_docs_have_every_column_once() -> None:
    for name, table in TABLES.items():
        section = re.split(r"^## ", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (mine,) = [text for text in section if text.startswith(f"{name}\n")]
        assert re.findall(r"^\| `(\w+)` \|", mine, flags=re.MULTILINE) == table.schema.names


def test_a_table_is_named_in_any_case() -> None:
    assert table_named("GENES") is TABLES["genes"]
    assert describe("Genes").num_rows == len(TABLES["genes"].columns)


def test_an_unknown_table_names_close_ones() -> None:
    with pytest.raises(BadInputError) as raised:
        describe("candidats")
    first, second = raised.value.problems[0].splitlines()
    assert first == "table 'candidats': there is none; did you mean candidates?"
    assert second.startswith(f"tables: {min(TABLES)}, ")


def test_every_table_is_shown() -> None:
    assert show_tables().column("table").to_pylist() == sorted(TABLES)
