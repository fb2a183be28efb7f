"""Names of genes, drugs and cell lines: any that shows is used as it is, without the blanks around it."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.importing.cell_line_table import read_models
from tasks.importing.importer import import_release
from tests.promises import Measured

LINES = [f"ACH-{i}" for i in range(4)]
HARMLESS = [
    "*",
    "*search",
    "\\x",
    "-",
    "'; DROP",
    "Ünïcode-β",
    "a,b",
    'q"uote',
    "no-break\u00a0space",
    "TP53",
]
HIDDEN = {
    "line break": "A\nB", "tab": "A\tB", "NUL": "A\x00B", "carriage return": "A\rB", "escape": "A\x1b[1m",
    "zero width": "A\u200bB", "line separator": "A\u2028B",
}  # fmt: skip


def write(path: Path, lines: list[str], columns: list[str], step: float = 1 / 7) -> None:
    values = step * np.arange(len(lines) * len(columns)).reshape(len(lines), len(columns))
    if path.suffix == ".parquet":
        pd.DataFrame(values, index=lines, columns=columns).to_parquet(path)
        return
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", *columns])
        writer.writerows([line, *row] for line, row in zip(lines, values.tolist(), strict=True))


def imported(
    folder: Path,
    targets: list[str],
    kind: str = "csv",
    lines: list[str] = LINES,
    drugs: list[str] | None = None,
) -> Dataset:
    write(folder / f"effect.{kind}", lines, targets)
    write(folder / f"expression.{kind}", LINES, ["TP53", "KRAS"])
    (folder / "models.csv").write_text("ModelID,lineage\n" + "".join(f"{line},Lung\n" for line in LINES))
    if drugs:
        write(folder / f"drug_response.{kind}", LINES, drugs, 1 / 3)
    return import_release(folder, out=folder / "d")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_any_name_that_shows_is_used_as_it_is(tmp_path: Path, kind: str, measured: Measured):
    dataset = imported(tmp_path, HARMLESS, kind, drugs=HARMLESS)
    assert dataset.targets == HARMLESS
    assert dataset.drugs == HARMLESS
    assert Dataset.open(dataset.path).targets == HARMLESS
    assert dataset.report["names with blanks around them, used without"] == []
    measured(names_used_as_they_are=2 * len(HARMLESS))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("case", HIDDEN)
def test_a_name_with_what_does_not_show_is_refused(tmp_path: Path, kind: str, case: str, measured: Measured):
    with pytest.raises(BadInputError) as found:
        imported(tmp_path, ["TP53", HIDDEN[case], "KRAS"], kind, drugs=["D1", HIDDEN[case]])
    response, effect = found.value.problems
    first = 2 if kind == "csv" else 1  # Parquet has the ids in its last column
    for problem, name, column in ((response, "drug_response", first + 1), (effect, "effect", first + 1)):
        assert f"{name}.{kind}: column {column}: name {HIDDEN[case]!r} contains a line break, tab" in problem
    assert not (tmp_path / "d").exists()
    measured(names_refused=len(found.value.problems))


@pytest.mark.parametrize("case", HIDDEN)
def test_a_lineage_with_what_does_not_show_is_refused(tmp_path: Path, case: str):
    with (tmp_path / "models.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["ModelID", "OncotreeLineage"], ["ACH-0", "Lung"], ["ACH-1", HIDDEN[case]]]
        )
    with pytest.raises(BadInputError, match=r"row \d: the lineage contains a line break, tab"):
        read_models(tmp_path / "models.csv")


def test_all_such_names_are_named_together_with_other_problems(tmp_path: Path):
    with pytest.raises(BadInputError) as found:
        imported(tmp_path, ["A\nB", "TP53", "C\tD", "TP53"], lines=["ACH-0", "ACH\x001", "ACH-2", "ACH-2"])
    assert [problem.split(": ", 1)[1].split(" contains")[0] for problem in found.value.problems] == [
        "column 2: name 'A\\nB'",
        "column 4: name 'C\\tD'",
        "duplicate column 'TP53': columns 3 and 5 name the same; keep one of them",
        "row 4: cell line 'ACH\\x001'",
        "row 6: duplicate cell line 'ACH-2', already in row 5; keep one of them",
    ]  # lines of the file: the header takes two


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_blanks_around_names_are_left_out_and_reported(tmp_path: Path, kind: str):
    targets, lines = [" TP53 (7157)", "KRAS\t", "two words"], [*LINES[:3], " ACH-3 "]
    dataset = imported(tmp_path, targets, kind, lines, drugs=["D1 ", "D2"])
    assert dataset.targets == ["TP53", "KRAS", "two words"]
    assert dataset.cell_lines == LINES
    assert dataset.drugs == ["D1", "D2"]
    assert dataset.report["names with blanks around them, used without"] == [
        " TP53 (7157)", "KRAS\t", " ACH-3 ", "D1 "
    ]  # fmt: skip


def test_names_that_blanks_alone_tell_apart_are_one(tmp_path: Path):
    with pytest.raises(BadInputError) as found:
        imported(tmp_path, ["A", "A "], lines=["ACH-0", "ACH-0 "], drugs=["D1", " D1"])
    problems = "\n".join(found.value.problems)
    assert len(found.value.problems) == 3
    assert "duplicate column 'D1': columns 2 and 3" in problems
    assert "duplicate column 'A': columns 2 and 3" in problems
    assert "row 3: duplicate cell line 'ACH-0'" in problems
