"""Method `drugs`, first part: a drug's response across cell lines from its target genes; folds over drugs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64, Int64

from modeling.folds import Fold, drug_folds
from modeling.profiles.drug_models import (
    DrugExamples,
    drug_examples,
    forecast_by_network,
    forecast_by_ridge,
    target_profiles,
)
from modeling.seeds import seed_of
from tasks.dataset.dataset import Dataset
from tasks.drugs.targets import Columns, measured_targets, target_columns, target_genes
from tasks.errors import BadInputError
from tasks.fitting.fit import FEWEST_LINES
from tasks.fitting.fold import Panel
from tasks.tables.rows import FEWEST_VALUES, correlation_rows, training_row
from tasks.tables.schemas import table_of

METHOD = "drugs"
FEATURES: dict[str, tuple[str, ...]] = {
    "expression": ("expression",),
    "dependency": ("dependency",),
    "both": ("expression", "dependency"),
}
LINE_MEAN = "line_mean"  # each line's mean over the training drugs: what follows no target at all

Profiles = Mapping[str, Float64[np.ndarray, "drugs cell_lines"]]


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


def drug_tables(
    panel: Panel, drugs: DrugData, number: int, folds: int, seed: int, device: str = "cpu"
) -> dict[str, pa.Table]:
    """Fold `number` of the drug models: `profile_scores`, and `networks`: how each network was trained.

    For every model and kind of features: r over the fold's test drugs for each cell line (the paper's ACC is
    its mean over lines, then over folds) and r over cell lines for each test drug; the latter also for
    `line_mean`, which knows no target. Cell lines with over 75% of the training drugs' responses missing are
    left out. Raises ValueError for fewer drugs than folds (`check_drugs` says so before).
    """
    used = drugs.usable()
    fold = drug_folds(len(used), folds, seed)[number]
    response = drugs.response[:, used].T.astype(np.float64)
    kinds = {
        "expression": target_profiles(panel.expression, [drugs.expression_genes[d] for d in used]),
        "dependency": target_profiles(panel.effect, [drugs.dependency_genes[d] for d in used]),
    }
    names = [drugs.drugs[used[d]] for d in fold.test]
    scores: list[dict[str, Any]] = []
    networks = []
    for features, parts in FEATURES.items():
        examples = drug_examples([kinds[part] for part in parts], response, fold)
        by_network, row = _network(examples, fold, features, seed, device)
        networks.append(row)
        measured = response[fold.test][:, examples.lines]
        for model, forecast in (("ridge", forecast_by_ridge(examples)), ("network", by_network)):
            said = {"method": METHOD, "fold": fold.number, "model": model, "features": features}
            scores += _both_axes(panel, said, examples, names, measured, forecast)
    scores.append(_line_mean(examples, fold, names, measured))
    return {"profile_scores": table_of("profile_scores", scores), "networks": table_of("networks", networks)}


def _both_axes(
    panel: Panel,
    said: Mapping[str, Any],
    examples: DrugExamples,
    names: Sequence[str],
    measured: Float64[np.ndarray, "test lines"],
    forecast: Float64[np.ndarray, "test lines"],
) -> list[dict[str, Any]]:
    lines = [panel.cell_lines[i] for i in np.flatnonzero(examples.lines)]
    return [
        correlation_rows({**said, "axis": "cell_line"}, lines, measured.T, forecast.T),
        correlation_rows({**said, "axis": "drug"}, names, measured, forecast),
    ]


def _line_mean(
    examples: DrugExamples, fold: Fold, names: Sequence[str], measured: Float64[np.ndarray, "test lines"]
) -> dict[str, Any]:
    forecast = np.tile(examples.response.mean(axis=0), (len(measured), 1))
    said = {"method": METHOD, "fold": fold.number, "model": LINE_MEAN, "features": "none", "axis": "drug"}
    return correlation_rows(said, names, measured, forecast)


def _network(
    examples: DrugExamples, fold: Fold, features: str, seed: int, device: str
) -> tuple[Float64[np.ndarray, "test lines"], dict[str, Any]]:
    """Forecasts, and the row of `networks`."""
    begun = time.thread_time()
    stream = seed_of(seed, METHOD, fold.number, features)
    forecast, trained = forecast_by_network(examples, stream, device)
    seconds = time.thread_time() - begun
    row = training_row(features, trained, len(examples.train), seconds)
    return forecast, {"method": METHOD, "fold": fold.number} | row


def _no_response(dataset: Dataset) -> str:
    return f"{dataset.path}: no drug response; import with --drug-response, cell lines x drugs"


def _few_lines(dataset: Dataset) -> str:
    """Says where fewer lines were screened than any model needs, or none; empty where they are enough."""
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
    said = ", ".join(f"{count} {what}" for what, count in counts.items())
    return [
        f"{dataset.path}: too few drugs with a response and with target genes in both matrices ({said}); at "
        f"least {needed} are needed, {FEWEST_VALUES} to test in each of {max(folds, 2)} folds: do drug_id, "
        "name or synonyms of the target table hold the names of the response's columns? `knockcast import` "
        "says which it matched"
    ]
