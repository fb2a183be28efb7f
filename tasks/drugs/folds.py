"""One fold of method `drugs`: the drug models, folds over drugs, and the ranking, folds over cell lines.

A drug model predicts a drug's response across cell lines from its target genes.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float64

from modeling.folds import Fold, drug_folds
from modeling.profiles.drug_models import (
    DrugExamples,
    drug_examples,
    predict_by_network,
    predict_by_ridge,
    target_profiles,
)
from modeling.seeds import seed_of
from tasks.drugs.drugs import METHOD, DrugData, fewest_drugs
from tasks.drugs.ranking import fit_final_ranking, ranking_tables
from tasks.fitting.fold import FoldResult, Panel
from tasks.tables.rows import correlation_rows, training_row
from tasks.tables.schemas import table_of

FEATURES: dict[str, tuple[str, ...]] = {
    "expression": ("expression",),
    "dependency": ("dependency",),
    "both": ("expression", "dependency"),
}
LINE_MEAN = "line_mean"  # each line's mean over the training drugs: what follows no target at all


def drug_fold(
    panel: Panel, drugs: DrugData, fold: Fold, folds: int, seed: int, device: str = "cpu"
) -> FoldResult:
    """The tables of a fold; of the final fold (no line tests) the file that ranks drugs for new samples.

    Drug models test the drugs of the fold of the same number, of `folds` over the drugs; where too few drugs
    have known targets there are none.
    """
    if len(fold.test) == 0:
        return FoldResult({}, {"safetensors": fit_final_ranking(panel, drugs)})
    ranked = ranking_tables(panel, drugs, fold)
    if len(drugs.usable()) < fewest_drugs(folds):
        return FoldResult(ranked)
    tables = drug_tables(panel, drugs, fold.number, folds, seed, device)
    together = {name: pa.concat_tables([tables[name], table]) for name, table in ranked.items()}
    return FoldResult(tables | together)


def drug_tables(
    panel: Panel, drugs: DrugData, number: int, folds: int, seed: int, device: str = "cpu"
) -> dict[str, pa.Table]:
    """Fold `number` of the drug models: `profile_scores`, and `networks`: how each network was trained.

    For every model and kind of features: r over the fold's test drugs for each cell line (the paper's ACC is
    its mean over lines, then over folds) and r over cell lines for each test drug; the latter also for
    `line_mean`, which uses no target. Cell lines with over 75% of the training drugs' responses missing are
    left out. Raises ValueError for fewer drugs than folds (`check_drugs` refuses that before).
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
        for model, predicted in (("ridge", predict_by_ridge(examples)), ("network", by_network)):
            keys = {"method": METHOD, "fold": fold.number, "model": model, "features": features}
            scores += _both_axes(panel, keys, examples, names, measured, predicted)
    scores.append(_line_mean(examples, fold, names, measured))
    return {"profile_scores": table_of("profile_scores", scores), "networks": table_of("networks", networks)}


def _both_axes(
    panel: Panel,
    keys: Mapping[str, Any],
    examples: DrugExamples,
    names: Sequence[str],
    measured: Float64[np.ndarray, "test lines"],
    predicted: Float64[np.ndarray, "test lines"],
) -> list[dict[str, Any]]:
    lines = [panel.cell_lines[i] for i in np.flatnonzero(examples.lines)]
    return [
        correlation_rows({**keys, "axis": "cell_line"}, lines, measured.T, predicted.T),
        correlation_rows({**keys, "axis": "drug"}, names, measured, predicted),
    ]


def _line_mean(
    examples: DrugExamples, fold: Fold, names: Sequence[str], measured: Float64[np.ndarray, "test lines"]
) -> dict[str, Any]:
    predicted = np.tile(examples.response.mean(axis=0), (len(measured), 1))
    keys = {"method": METHOD, "fold": fold.number, "model": LINE_MEAN, "features": "none", "axis": "drug"}
    return correlation_rows(keys, names, measured, predicted)


def _network(
    examples: DrugExamples, fold: Fold, features: str, seed: int, device: str
) -> tuple[Float64[np.ndarray, "test lines"], dict[str, Any]]:
    """Predictions, and the row of `networks`."""
    start = time.thread_time()
    stream = seed_of(seed, METHOD, fold.number, features)
    predicted, trained = predict_by_network(examples, stream, device)
    seconds = time.thread_time() - start
    row = training_row(features, trained, len(examples.train), seconds)
    return predicted, {"method": METHOD, "fold": fold.number} | row
