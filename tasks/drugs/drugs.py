"""A dataset's drugs: their responses, the columns of their target genes, and what models of them need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64

from tasks.dataset.checks import FEWEST_LINES
from tasks.dataset.dataset import Dataset
from tasks.dataset.gene_labels import parse_gene_label
from tasks.errors import BadInputError
from tasks.tables.rows import FEWEST_VALUES

METHOD = "drugs"

Columns = tuple[Int64[np.ndarray, " _"], ...]


@dataclass(frozen=True, eq=False)
class DrugData:
    """A dataset's drugs as plain arrays. `response` is NaN where not measured.

    `expression_genes` and `dependency_genes` hold, for each drug, the columns of its target genes in the
    panel's `expression` and `effect`; none where the drug has no known target there.
    """

    drugs: tuple[str, ...]
    response: Float32[np.ndarray, "cell_lines drugs"]
    expression_genes: Columns
    dependency_genes: Columns

    def usable(self) -> Int64[np.ndarray, " used"]:
        """The drugs with a response and target genes in both matrices: features are compared on these."""
        measured = ~np.isnan(self.response).all(axis=0)
        genes = zip(self.expression_genes, self.dependency_genes, strict=True)
        return np.flatnonzero(measured & np.array([len(a) > 0 and len(b) > 0 for a, b in genes], dtype=bool))

    def counts(self) -> dict[str, int]:
        """How many drugs there are, have targets in the expression, in the effect, and are used."""
        return {
            "drugs": len(self.drugs),
            "with target genes in the expression": sum(len(g) > 0 for g in self.expression_genes),
            "with target genes in the effect": sum(len(g) > 0 for g in self.dependency_genes),
            "used": len(self.usable()),
        }


def drug_data(dataset: Dataset) -> DrugData:
    """The dataset's drugs; without a table of targets no drug has any.

    Raises BadInputError where the dataset holds no drug response.
    """
    if dataset.drug_response is None:
        raise BadInputError(_no_response(dataset))
    targets = target_genes(dataset.drug_targets)
    measured = measured_targets(dataset.targets, dataset.effect)
    return DrugData(
        tuple(dataset.drugs),
        np.ascontiguousarray(dataset.drug_response),
        target_columns(dataset.drugs, targets, dataset.genes, set(dataset.genes)),
        target_columns(dataset.drugs, targets, dataset.targets, measured),
    )


def target_genes(table: pa.Table | None) -> dict[str, list[str]]:
    """By drug, the words of a table of drug_id and target_genes (joined by "|"); empty without a table."""
    rows = [] if table is None else table.to_pylist()
    return {row["drug_id"]: [gene for gene in row["target_genes"].split("|") if gene] for row in rows}


def target_columns(
    drugs: Sequence[str], targets: Mapping[str, Sequence[str]], labels: Sequence[str], known: set[str]
) -> Columns:
    """Each drug's target genes as columns of a matrix; a symbol that several genes share is not used.

    `labels` are those of the columns, of which only the `known` count.
    """
    found: dict[str, list[int]] = {}
    for column, label in enumerate(labels):
        if label in known:
            found.setdefault(parse_gene_label(label).symbol, []).append(column)
    place = {symbol: columns[0] for symbol, columns in found.items() if len(columns) == 1}
    return tuple(
        np.array(sorted({place[gene] for gene in targets.get(drug, ()) if gene in place}), dtype=np.int64)
        for drug in drugs
    )


def measured_targets(targets: Sequence[str], effect: Float32[np.ndarray, "cell_lines targets"]) -> set[str]:
    """The labels of targets with a value in any cell line."""
    empty = np.isnan(effect).all(axis=0)
    return {target for target, none in zip(targets, empty, strict=True) if not none}


def check_drugs(dataset: Dataset, folds: int = 5) -> None:
    """BadInputError with everything that keeps the drug models from being fitted."""
    problems = [] if folds >= 2 else [f"--folds {folds}: expected at least 2"]
    if few := _few_lines(dataset):
        problems.append(few)
    if dataset.drug_targets is None:
        problems.append(
            f"{dataset.path}: no drug targets; import with --drug-targets, a table with the columns drug_id "
            "and target_genes, whose drug_id, name or synonyms hold the names of the response's columns"
        )
    if dataset.drug_response is not None and dataset.drug_targets is not None:
        problems += _few_drugs(dataset, folds)
    if problems:
        raise BadInputError(problems)


def fewest_drugs(folds: int) -> int:
    """How many usable drugs the drug models need: enough to test in each fold."""
    return FEWEST_VALUES * max(folds, 2)


def check_ranking(dataset: Dataset) -> None:
    """BadInputError where drugs cannot be ranked for new samples; that needs no table of targets."""
    if problem := _few_lines(dataset):
        raise BadInputError(problem)


def _no_response(dataset: Dataset) -> str:
    return f"{dataset.path}: no drug response; import with --drug-response, cell lines x drugs"


def _few_lines(dataset: Dataset) -> str:
    """The problem if fewer lines were screened than any model needs, or none; empty if there are enough."""
    if dataset.drug_response is None:
        return _no_response(dataset)
    lines = int((~np.isnan(dataset.drug_response)).any(axis=1).sum())
    if lines >= FEWEST_LINES:
        return ""
    return (
        f"{dataset.path}: {lines} cell lines with a drug response; at least {FEWEST_LINES} are needed: "
        "are the lines of the response named as those of the dataset?"
    )


def _few_drugs(dataset: Dataset, folds: int) -> list[str]:
    drugs = drug_data(dataset)
    counts, needed = drugs.counts(), fewest_drugs(folds)
    if counts["used"] >= needed:
        return []
    counted = ", ".join(f"{count} {what}" for what, count in counts.items())
    return [
        f"{dataset.path}: too few drugs with a response and with target genes in both matrices ({counted}); "
        f"at least {needed} are needed, {FEWEST_VALUES} to test in each of {max(folds, 2)} folds: do drug_id,"
        " name or synonyms of the target table hold the names of the response's columns? `knockcast import` "
        "reports which it matched"
    ]
