"""The drugs of an import: which drug of the response is which row of the target table, and what to report.

A drug is found by id, else by a name that only rows of equal targets have.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks.drugs.drugs import measured_targets, target_columns, target_genes
from tasks.importing.alignment import Aligned, fit_to_lines
from tasks.importing.cell_line_table import ModelsTable
from tasks.importing.drug_files import DrugTargets
from tasks.importing.matrices import Matrix, plain

# How a drug of the response is spelled, and the rows that go by each name in this spelling.
_Index = tuple[Callable[[str], str], Mapping[str, list[int]]]


@dataclass(frozen=True, eq=False)
class MatchedTargets:
    """A target table that knows the drugs of a response by their names there.

    `table` has the columns drug_id and target_genes: every row of the file, then one for each drug of the
    response that was found by name. `by_name` maps those to the file's id, `ambiguous` are drugs whose name
    several rows have, with different targets; `absent` are those that no row names.
    """

    table: pa.Table
    by_name: dict[str, str]
    ambiguous: list[str]
    absent: list[str]


def import_drugs(
    response: Matrix | None, targets: DrugTargets | None, aligned: Aligned, models: ModelsTable
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The drug parts of a Dataset by name, as `write_dataset` takes them, and entries of its report.

    The table of targets holds the file's rows, and names as the response does the drugs found by name.
    """
    found = None if response is None else fit_to_lines(response, aligned.cell_lines, models.line_names)
    matched = None if targets is None else match_drugs(targets, [] if found is None else found.columns)
    parts: dict[str, Any] = {"drug_targets": None if matched is None else matched.table}
    if found is None:
        return parts, {}
    report: dict[str, Any] = {
        "cell lines in the drug response only, set aside": sorted(found.others),
        "cell lines of the drug response known by another name": found.renamed,
    }
    if matched is not None:
        report |= _targets_report(matched, found.columns, aligned)
    return parts | {"drugs": found.columns, "drug_response": found.values}, report


def match_drugs(targets: DrugTargets, drugs: Sequence[str]) -> MatchedTargets:
    """Finds each drug of a response (`drugs`: its columns) in the target table.

    A drug that is no drug_id is looked up by the name as it is written, else by name or id without case and
    punctuation, else by synonym without those; one called "NAME (ID)" then by that id, else by that name. The
    first of these that any row has decides. Rows of one name must have equal targets: otherwise nothing shows
    which of them is meant.
    """
    ids, indexes = set(targets.ids), _indexes(targets)
    taken: dict[str, int] = {}
    ambiguous, absent = [], []
    for drug in drugs:
        if drug in ids:
            continue
        rows = _rows_of(drug, indexes)
        if not rows:
            absent.append(drug)
        elif len({frozenset(targets.genes[row]) for row in rows}) > 1:
            ambiguous.append(drug)
        else:
            taken[drug] = rows[0]
    genes = [*targets.genes, *(targets.genes[row] for row in taken.values())]
    table = pa.table({"drug_id": [*targets.ids, *taken], "target_genes": ["|".join(some) for some in genes]})
    by_name = {drug: targets.ids[row] for drug, row in taken.items()}
    return MatchedTargets(table, by_name, ambiguous, absent)


def _rows_of(drug: str, indexes: Sequence[_Index]) -> list[int]:
    rows = _rows_called(drug, indexes)
    if not rows and (parts := re.fullmatch(r"(.+) \(([^()]+)\)", drug)):
        rows = _rows_called(parts[2], indexes) or _rows_called(parts[1], indexes)
    return rows


def _rows_called(drug: str, indexes: Sequence[_Index]) -> list[int]:
    return next((rows for spelled, known in indexes if (rows := known.get(spelled(drug), []))), [])


def _indexes(targets: DrugTargets) -> list[_Index]:
    """The best first."""
    spoken = [[name, drug_id] for name, drug_id in zip(targets.names, targets.ids, strict=True)]
    return [
        (str, _by_name([[name] for name in targets.names], str)),
        (plain, _by_name(spoken, plain)),
        (plain, _by_name(targets.synonyms, plain)),
    ]


def _by_name(names: Iterable[Sequence[str]], spelled: Callable[[str], str]) -> dict[str, list[int]]:
    """The rows that each name stands in, without the name that is none."""
    rows: dict[str, list[int]] = {}
    for row, some in enumerate(names):
        for name in {spelled(name) for name in some} - {""}:
            rows.setdefault(name, []).append(row)
    return rows


def _targets_report(matched: MatchedTargets, drugs: Sequence[str], aligned: Aligned) -> dict[str, Any]:
    """What the target table gave; counted are all drugs of the response, measured on these lines or not."""
    genes = target_genes(matched.table)
    targeted = [drug for drug in drugs if genes.get(drug)]
    return {
        "drug targets": (
            f"{len(targeted)} of {len(drugs)} drugs have target genes "
            f"({_in_both(targeted, genes, aligned)} of them in expression and effect)"
        ),
        "drugs matched to the target table by name": [f"{a} ({b})" for a, b in matched.by_name.items()],
        "drugs not matched: rows of the target table share the name, with unlike targets": matched.ambiguous,
        "drugs not in the target table": matched.absent,
        "target words that are no gene of expression or effect (genes not there, aliases, protein classes)": (
            _unknown_words(targeted, genes, aligned)
        ),
    }


def _in_both(drugs: Sequence[str], genes: Mapping[str, Sequence[str]], aligned: Aligned) -> int:
    expressed, effects = list(aligned.genes.labels), list(aligned.targets.labels)
    pairs = zip(
        target_columns(drugs, genes, expressed, set(expressed)),
        target_columns(drugs, genes, effects, measured_targets(effects, aligned.effect)),
        strict=True,
    )
    return sum(len(a) > 0 and len(b) > 0 for a, b in pairs)


def _unknown_words(drugs: Sequence[str], genes: Mapping[str, Sequence[str]], aligned: Aligned) -> list[str]:
    words = {word for drug in drugs for word in genes[drug]}
    return sorted(words - set(aligned.genes.symbols) - set(aligned.targets.symbols))
