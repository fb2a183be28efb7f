"""Drug response matrices and drug target tables: read, checked, fitted to a Dataset's cell lines."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from tasks.errors import BadInputError
from tasks.importing.cell_line_table import read_text_table
from tasks.importing.findings import Findings
from tasks.importing.matrices import Matrix, plain

# PRISM's tables name the response's columns column_name or IDs; GDSC's list has Drug Id and Targets.
_IDS = ("drugid", "columnname", "ids", "drug")
_DRUG_NAMES = ("name", "drugname", "compoundname", "cpdname", "compound", "drug")
_SYNONYMS = ("synonyms", "synonym")
_BETWEEN_SYNONYMS = r"[|;]|,\s"  # a comma within a chemical name has no blank after it
_TARGETS = ("targetgenes", "targets", "target", "repurposingtarget")
_LINE_NAMES = ("ccle_name", "cell_line_name")


@dataclass(frozen=True, eq=False)
class Response:
    """The response of a Dataset's cell lines (NaN where there is none).

    `others` are the file's lines that the Dataset does not hold, and those of another name for a line that
    the file holds already; `renamed` gives the id that each other name was taken for.
    """

    drugs: list[str]
    values: Float32[np.ndarray, "cell_lines drugs"]
    others: list[str]
    renamed: list[str]


def response_of(
    response: Matrix, cell_lines: Sequence[str], named: Mapping[str, Mapping[str, str]] | None = None
) -> Response:
    """Fits a response matrix to the given lines.

    The matrix may hold drugs as rows and lines as columns (PRISM since 24Q2): so it does if of its columns
    more are known lines. Lines go by id, or by another name of theirs: `named` gives the ids' names, by kind
    (`tasks.importing.cell_line_table`); a name that two lines share is not used.
    """
    id_of = {name: line for line, name in _only_names(named or {}, set(cell_lines))}
    id_of |= {line: line for line in cell_lines}
    lines, drugs, values = response.ids, response.columns, response.values
    if sum(name in id_of for name in drugs) > sum(name in id_of for name in lines):
        lines, drugs, values = drugs, lines, values.T
    place = {line: i for i, line in enumerate(cell_lines)}
    out = np.full((len(cell_lines), len(drugs)), np.nan, dtype=np.float32)
    taken: dict[str, str] = {}
    for row in sorted(range(len(lines)), key=lambda row: lines[row] not in place):  # ids before other names
        line = id_of.get(lines[row], "")
        if line and line not in taken:
            taken[line] = lines[row]
            out[place[line]] = values[:, row]
    used = set(taken.values())
    renamed = [f"{name} ({line})" for line, name in taken.items() if name != line]
    return Response(list(drugs), out, [name for name in lines if name not in used], renamed)


def _only_names(named: Mapping[str, Mapping[str, str]], known: set[str]) -> list[tuple[str, str]]:
    """(id, name) of known lines for every name that only one line has in the whole models table."""
    owners: dict[str, set[str]] = {}
    for kind in _LINE_NAMES:
        for line, name in named.get(kind, {}).items():
            owners.setdefault(name, set()).add(line)
    found = [(next(iter(lines)), name) for name, lines in owners.items() if name and len(lines) == 1]
    return [(line, name) for line, name in found if line in known]


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
