"""Drug target tables, and responses as long tables (a row for each line and drug): read and checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import BadInputError
from tasks.importing.cell_line_table import TextTable, read_text_table
from tasks.importing.files import MISSING, PARQUET_TYPES, file_type, read_header
from tasks.importing.findings import Findings, unusable_name
from tasks.importing.matrices import Matrix, plain
from tasks.importing.recognition.line_names import LineNames
from tasks.importing.text_matrix import fault_of

# PRISM's tables name the response's columns column_name or IDs; GDSC's list has Drug Id and Targets.
_IDS = ("drugid", "columnname", "ids", "drug")
_DRUG_NAMES = ("name", "drugname", "compoundname", "cpdname", "compound", "drug")
_SYNONYMS = ("synonyms", "synonym")
_BETWEEN_SYNONYMS = r"[|;]|,\s"  # a comma within a chemical name has no blank after it
_TARGETS = (
    *("targetgenes", "targets", "target", "repurposingtarget", "putativetarget"),
    "genesymbolofproteintarget",
)
# Long tables: PRISM's dose-response parameters, GDSC's fitted dose responses, CTRP's curves.
_LINES = (
    *("modelid", "depmapid", "arxspanid", "sangermodelid", "cosmicid", "cclename", "cclname"),
    *("celllinename", "cellline", "rowid"),
)
_LONG_IDS = ("drugid", "mastercpdid", "columnname", "broadid", "ids")
_LONG_NAMES = ("drugname", "cpdname", "compoundname", "name", "compound", "drug")
_VALUES = ("auc", "aucpublished", "areaundercurve", "lfc", "logfoldchange", "lnic50", "ic50published")
_CONCENTRATIONS = ("ic50", "ec50")  # over orders of magnitude: taken only if named
# CTRP's curves name experiments and compounds by numbers; these tables, in the same folder, have their names.
_CTRP = ("per_experiment", "per_cell_line", "per_compound")


@dataclass(frozen=True)
class DrugTargets:
    """A drug target table, row by row: unique ids, target genes, name ("" where not given), synonyms."""

    ids: list[str]
    genes: list[list[str]]
    names: list[str]
    synonyms: list[list[str]]


def read_drug_targets(path: Path) -> DrugTargets:
    """Reads a table with a column of drug ids and one of targets; columns of names and synonyms may be there.

    Raises:
        BadInputError: a column is missing, or an id is empty or stands twice.
    """
    table = read_text_table(path)
    places = {plain(name): i for i, name in reversed(list(enumerate(table.columns)))}
    ids, targets, names, synonyms = (
        next((places[name] for name in spellings if name in places), None)
        for spellings in (_IDS, _TARGETS, _DRUG_NAMES, _SYNONYMS)
    )
    if ids is None or targets is None:
        raise BadInputError(
            f"{path}: expected the columns drug_id and target_genes, found {table.columns[:8]}"
        )
    findings = Findings(str(path), names="drug")
    for number, row in zip(table.numbers, table.rows, strict=True):
        findings.name_row(number, row[ids])
    if findings.lines():
        raise BadInputError(findings.lines())
    return DrugTargets(
        [row[ids].strip() for row in table.rows],
        [_split(row[targets], r"[|,;]") for row in table.rows],
        ["" if names is None else row[names].strip() for row in table.rows],
        [[] if synonyms is None else _split(row[synonyms], _BETWEEN_SYNONYMS) for row in table.rows],
    )


def _split(text: str, at: str) -> list[str]:
    """The entries of a list in one cell, separated by commas in PRISM and GDSC."""
    return [part.strip() for part in re.split(at, text) if part.strip()]


@dataclass(frozen=True, eq=False)
class LongResponse:
    """A long table of responses as a matrix, and the target genes it names (None without such a column)."""

    matrix: Matrix
    targets: DrugTargets | None


def is_long(path: Path, value: str | None = None) -> bool:
    """Whether a file of drug responses has a row for each line and drug, not one for each line.

    `value` names the column of values, where that is known.
    """
    if file_type(path) in PARQUET_TYPES:
        try:
            columns = pq.read_schema(path).names
        except (OSError, pa.ArrowException):
            return False  # whoever reads it says why
    else:
        columns = read_header(path)
    names = {plain(name) for name in columns}
    drug = names & {*_LONG_IDS, *_LONG_NAMES}
    values = {*_VALUES, *_CONCENTRATIONS, plain(value or "auc")}
    return bool(drug and names & {*_LINES, "experimentid"} and names & values)


def read_long_response(path: Path, lines: LineNames, value: str | None = None) -> LongResponse:
    """A long table: columns of line, drug and value; of one line and drug, the mean of all values.

    A line is the first of its names that `lines` knows. Drugs go by name, with the id ("NAME (ID)") where
    several ids share it. `value` names the column of values; without it, AUC comes before log fold changes
    and IC50. Values that are missing are left out.

    Raises:
        BadInputError: every problem, with its row; no such column; CTRP's numbers without their tables.
    """
    table = _with_names(path, read_text_table(path))
    places = {plain(name): i for i, name in reversed(list(enumerate(table.columns)))}
    line_columns = [places[name] for name in _LINES if name in places]
    of_value = _value_column(path, table, value)
    id_column, name_column = (
        next((places[name] for name in names if name in places), None) for names in (_LONG_IDS, _LONG_NAMES)
    )
    drugs = _drug_labels(table, id_column, name_column)
    findings = Findings(str(path))
    sums: dict[tuple[str, str], list[float]] = {}
    for number, row, drug in zip(table.numbers, table.rows, drugs, strict=True):
        text = row[of_value].strip()
        if text in MISSING:
            continue
        called = [row[i].strip().partition("::")[0].removesuffix(".0") for i in line_columns]
        line = next((name for name in called if lines.id_of(name)), next(filter(None, called), ""))
        for what, name in (("cell line", line), ("drug", drug)):
            if not name or unusable_name(name):
                findings.row(
                    number, f"no {what}" if not name else f"{what} {name[:40]!r} {unusable_name(name)}"
                )
        if bad := fault_of(text):
            findings.cell(number, table.columns[of_value], bad, text)
        else:
            sums.setdefault((lines.id_of(line) or line, drug), []).append(float(text))
        if findings.full:
            break
    if findings.lines():
        raise BadInputError(findings.lines())
    if not sums:
        raise BadInputError(f"{path}: column {table.columns[of_value]!r} holds no value")
    notes = _long_notes(table, of_value, sums)
    return LongResponse(_matrix_of(path, sums, notes), _long_targets(table, drugs, places, name_column))


def _with_names(path: Path, table: TextTable) -> TextTable:
    """CTRP's curves with the names of lines and compounds beside their numbers; other tables as they are."""
    names = [plain(name) for name in table.columns]
    if "experimentid" not in names or set(names) & set(_LINES):
        return table
    found = [sorted(p for p in path.parent.iterdir() if kind in p.name and file_type(p)) for kind in _CTRP]
    if not all(found):
        raise BadInputError(
            f"{path}: lines and drugs are numbers of CTRP; put its tables v20.meta.per_experiment.txt, "
            "v20.meta.per_cell_line.txt and v20.meta.per_compound.txt into the same folder"
        )
    experiments, cell_lines, compounds = (read_text_table(files[0]) for files in found)
    line_of = _column_by(experiments, "experimentid", "mastercclid")
    name_of = _column_by(cell_lines, "mastercclid", "cclname")
    said = [_column_by(compounds, "mastercpdid", name) for name in ("cpdname", "genesymbolofproteintarget")]
    experiment, compound = names.index("experimentid"), names.index("mastercpdid")
    rows = [
        [*row, name_of.get(line_of.get(row[experiment], ""), ""), *(of.get(row[compound], "") for of in said)]
        for row in table.rows
    ]
    columns = [*table.columns, "ccl_name", "cpd_name", "gene_symbol_of_protein_target"]
    return TextTable(columns, rows, table.numbers, table.notes)


def _column_by(table: TextTable, key: str, column: str) -> dict[str, str]:
    names = [plain(name) for name in table.columns]
    if key not in names or column not in names:
        return {}
    return {row[names.index(key)]: row[names.index(column)].strip() for row in table.rows}


def _value_column(path: Path, table: TextTable, wanted: str | None) -> int:
    names = [plain(name) for name in table.columns]
    if wanted is not None and plain(wanted) not in names:
        raise BadInputError(
            f"{path}: --drug-value {wanted}: no such column; found {', '.join(table.columns)}"
        )
    if wanted is None and not set(names) & set(_VALUES):
        raise BadInputError(
            f"{path}: which column holds the values? found {', '.join(table.columns)}; give --drug-value"
        )
    return names.index(plain(wanted) if wanted is not None else next(n for n in _VALUES if n in names))


def _drug_labels(table: TextTable, id_column: int | None, name_column: int | None) -> list[str]:
    if name_column is None or id_column is None:
        column = id_column if name_column is None else name_column
        return ["" if column is None else row[column].strip() for row in table.rows]
    ids: dict[str, set[str]] = {}
    for row in table.rows:
        ids.setdefault(row[name_column].strip(), set()).add(row[id_column].strip())
    return [
        name if name and len(ids[name]) == 1 else f"{name} ({drug})" if name else drug
        for name, drug in ((row[name_column].strip(), row[id_column].strip()) for row in table.rows)
    ]


def _matrix_of(path: Path, sums: dict[tuple[str, str], list[float]], notes: Sequence[str]) -> Matrix:
    lines, drugs = (
        {name: i for i, name in enumerate(sorted(set(names)))} for names in zip(*sums, strict=True)
    )
    values = np.full((len(drugs), len(lines)), np.nan, dtype=np.float32)
    for (line, drug), found in sums.items():
        values[drugs[drug], lines[line]] = np.mean(found)
    return Matrix(str(path), list(lines), list(drugs), values, notes=tuple(notes))


def _long_notes(table: TextTable, of_value: int, sums: dict[tuple[str, str], list[float]]) -> tuple[str, ...]:
    several = sum(len(found) > 1 for found in sums.values())
    others = [name for i, name in enumerate(table.columns) if plain(name) in _VALUES and i != of_value]
    return (
        *table.notes,
        f"a long table of {len(table.rows)} rows, of which column {table.columns[of_value]} is taken"
        + (f" ({', '.join(others)} by --drug-value)" if others else ""),
        *(
            [f"{several} pairs of line and drug stand there several times and are averaged"]
            if several
            else []
        ),
    )


def _long_targets(
    table: TextTable, drugs: Sequence[str], places: dict[str, int], name_column: int | None
) -> DrugTargets | None:
    column = next((places[name] for name in _TARGETS if name in places), None)
    if column is None:
        return None
    first: dict[str, list[str]] = {}
    for drug, row in zip(drugs, table.rows, strict=True):
        if drug not in first:
            first[drug] = row
    return DrugTargets(
        list(first),
        [_split(row[column], r"[|,;]") for row in first.values()],
        ["" if name_column is None else row[name_column].strip() for row in first.values()],
        [[] for _ in first],
    )
