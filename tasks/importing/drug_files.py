"""Drug target tables: read and checked."""

import re
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import BadInputError
from tasks.importing.cell_line_table import read_text_table
from tasks.importing.findings import Findings
from tasks.importing.matrices import plain

# PRISM's tables name the response's columns column_name or IDs; GDSC's list has Drug Id and Targets.
_IDS = ("drugid", "columnname", "ids", "drug")
_DRUG_NAMES = ("name", "drugname", "compoundname", "cpdname", "compound", "drug")
_SYNONYMS = ("synonyms", "synonym")
_BETWEEN_SYNONYMS = r"[|;]|,\s"  # a comma within a chemical name has no blank after it
_TARGETS = ("targetgenes", "targets", "target", "repurposingtarget")


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
