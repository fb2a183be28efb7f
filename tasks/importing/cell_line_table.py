"""The table of cell lines (Model.csv, sample_info.csv and relatives): ids, names, lineages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tasks.bounded import MOST_TEXTS
from tasks.errors import BadInputError
from tasks.importing.files import PARQUET_TYPES, dialect_of_file, file_type, numbered_rows, read_header
from tasks.importing.findings import Findings, unusable_name
from tasks.importing.matrices import plain
from tasks.importing.parquet_matrix import read_parquet
from tasks.importing.recognition.dialect import padding, point_for_comma
from tasks.importing.recognition.line_names import LineNames

# Spellings over the years, without case and punctuation, the best first.
_IDS = ("modelid", "depmapid", "broadid", "cellline")
_LINEAGES = ("oncotreelineage", "lineage", "legacylineage", "primarydisease", "disease")
_NAMES = {
    "cell_line_name": ("celllinename", "strippedcelllinename", "strippedname"),
    "ccle_name": ("cclename", "legacycclename"),
    "disease": ("oncotreeprimarydisease", "primarydisease", "legacyprimarydisease", "disease"),
    "subtype": ("oncotreesubtype", "subtype", "lineagesubtype", "diseasesubtype", "diseasesutype"),
    "sex": ("sex", "gender"),
}
# Names that other tables call the lines by.
_OTHER_NAMES = (
    *("cclename", "legacycclename", "celllinename", "strippedcelllinename", "strippedname"),
    *("celllinedisplayname", "sangermodelid", "cosmicid"),
)
_NOTHING = frozenset({"", "nan", "NaN", "NA", "None"})


@dataclass(frozen=True)
class TextTable:
    """A table of text: column names, rows, and the number of each row in its file."""

    columns: list[str]
    rows: list[list[str]]
    numbers: list[int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelsTable:
    """What is known of each cell line, by its id; "" where a table has nothing."""

    lineage_columns: tuple[str, ...]
    lineages: dict[str, str]
    names: dict[str, dict[str, str]]
    line_names: LineNames
    notes: tuple[str, ...] = ()

    def lineages_of(self, cell_lines: Sequence[str]) -> list[str]:
        """The lineage of each line, "" where it is unknown."""
        return [self.lineages.get(line, "") for line in cell_lines]

    def names_of(self, cell_lines: Sequence[str]) -> pa.Table:
        """Names, disease and the like, one row per line."""
        return pa.table({what: [of.get(line, "") for line in cell_lines] for what, of in self.names.items()})


def read_models(path: Path) -> ModelsTable:
    """Reads the table; the lineage is OncotreeLineage, else the older `lineage` or disease, line by line.

    Raises:
        BadInputError: every problem of the file (no id column, an id twice, ragged rows, ...).
    """
    table = read_text_table(path)
    findings = Findings(str(path))
    places = {plain(name): i for i, name in reversed(list(enumerate(table.columns)))}
    id_column = next((places[name] for name in _IDS if name in places), None)
    if id_column is None:
        raise BadInputError(
            f"{path}: no column of cell line ids; expected ModelID or DepMap_ID, found {_some(table.columns)}"
        )
    for number, row in zip(table.numbers, table.rows, strict=True):
        findings.name_row(number, row[id_column].strip())
    lineage_columns = [places[name] for name in _LINEAGES if name in places]
    for number, row in zip(table.numbers, table.rows, strict=True):
        for fault in filter(None, (unusable_name(row[column].strip()) for column in lineage_columns)):
            findings.row(number, f"the lineage {fault}")
    if findings.lines():
        raise BadInputError(findings.lines())
    return ModelsTable(
        tuple(table.columns[i] for i in lineage_columns),
        _first_known(table, id_column, lineage_columns),
        {
            what: _first_known(table, id_column, [places[name] for name in spellings if name in places])
            for what, spellings in _NAMES.items()
        },
        LineNames(_all_of(table, id_column, [places[name] for name in _OTHER_NAMES if name in places])),
        table.notes,
    )


def read_text_table(path: Path) -> TextTable:
    """Any delimited or Parquet table as text.

    Raises:
        BadInputError: unreadable, ragged rows, or no rows.
    """
    if file_type(path) in PARQUET_TYPES:
        arrow = read_parquet(path, MOST_TEXTS)
        columns = [arrow.column(i).to_pylist() for i in range(arrow.num_columns)]
        rows = [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
        table = TextTable(arrow.column_names, rows, list(range(1, len(rows) + 1)))
    else:
        table = _read_delimited(path)
    if not table.rows:
        raise BadInputError(f"{path}: a header but no rows below it; truncated, or an empty export")
    return table


def _read_delimited(path: Path) -> TextTable:
    header = read_header(path)
    extra, dialect = padding(header), dialect_of_file(path)
    columns = [name.strip() for name in header[: len(header) - len(extra)]]
    findings = Findings(str(path))
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        for number, fields in numbered_rows(path, len(header), MOST_TEXTS):
            if number == 1 or not any(field.strip() for field in fields):
                continue
            _check_row(findings, number, fields, len(header))
            if extra and any(field.strip() for field in fields[len(columns) :]):
                findings.row(number, "a value in a column without a name; give it a name, or remove it")
            used = fields[: len(columns)]
            rows.append([point_for_comma(field) for field in used] if dialect.decimal == "," else used)
            numbers.append(number)
    except BadInputError as error:
        raise BadInputError([*findings.lines(), *error.problems]) from error
    if findings.lines():
        raise BadInputError(findings.lines())
    dropped = (f"{len(extra)} empty columns at the end, dropped",) if extra else ()
    return TextTable(columns, rows, numbers, (*dialect.notes(), *dropped))


def _check_row(findings: Findings, number: int, fields: list[str], expected: int) -> None:
    if len(fields) != expected:
        findings.row(number, f"{len(fields)} values where the header names {expected}; the row is ragged")
    if any("\udc80" <= letter <= "\udcff" for field in fields for letter in field):
        findings.row(number, "not UTF-8 text; save the file as UTF-8")


def _all_of(table: TextTable, id_column: int, columns: Sequence[int]) -> dict[str, list[str]]:
    """By id, what stands in any of the columns."""
    return {
        row[id_column].strip(): [row[column].strip().removesuffix(".0") for column in columns]
        for row in table.rows
    }


def _first_known(table: TextTable, id_column: int, columns: Sequence[int]) -> dict[str, str]:
    """By id, the first of the columns that is not empty."""
    known = {}
    for row in table.rows:
        texts = (row[column].strip() for column in columns)
        known[row[id_column].strip()] = next((text for text in texts if text not in _NOTHING), "")
    return known


def _some(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:6]) + (", ..." if len(names) > 6 else "")
