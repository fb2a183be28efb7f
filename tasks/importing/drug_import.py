"""The drug parts of an import: fitted to a Dataset's cell lines and genes, and what a person should know."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.drugs.targets import measured_targets, target_columns, target_genes
from tasks.importing.alignment import Aligned
from tasks.importing.cell_line_table import ModelsTable
from tasks.importing.drug_files import DrugTargets, response_of
from tasks.importing.drug_names import MatchedTargets, match_drugs
from tasks.importing.matrices import Matrix


def import_drugs(
    response: Matrix | None, targets: DrugTargets | None, aligned: Aligned, models: ModelsTable
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The drug parts of a Dataset by name, as `write_dataset` takes them, and entries of its report.

    The table of targets holds the file's rows, and names as the response does the drugs found by name.
    """
    found = None if response is None else response_of(response, aligned.cell_lines, models.names)
    matched = None if targets is None else match_drugs(targets, [] if found is None else found.drugs)
    parts: dict[str, Any] = {"drug_targets": None if matched is None else matched.table}
    if found is None:
        return parts, {}
    report: dict[str, Any] = {
        "cell lines in the drug response only, set aside": sorted(found.others),
        "cell lines of the drug response known by another name": found.renamed,
    }
    if matched is not None:
        report |= _targets_report(matched, found.drugs, aligned)
    return parts | {"drugs": found.drugs, "drug_response": found.values}, report


def _targets_report(matched: MatchedTargets, drugs: Sequence[str], aligned: Aligned) -> dict[str, Any]:
    """What came of the target table; the drugs counted are those of the response, measured here or not."""
    genes = target_genes(matched.table)
    targeted = [drug for drug in drugs if genes.get(drug)]
    return {
        "drug targets": (
            f"{len(targeted)} of {len(drugs)} drugs have target genes "
            f"({_in_both(targeted, genes, aligned)} of them in expression and effect)"
        ),
        "drugs matched to the target table by name": [f"{a} ({b})" for a, b in matched.by_name.items()],
        "drugs not matched: rows of the target table share the name, with unlike targets": matched.unsettled,
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
