"""Method `drugs`, second part: drugs ranked for cell lines, and for new samples given their expression."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float32, Float64, Int64

from modeling.folds import Fold
from modeling.kernels.distances import scaling_of, standardised
from modeling.profiles.drug_ranking import Ranking, fit_ranking, predict_drugs
from tasks.artifacts.files import DrugRanking, ranking_bytes
from tasks.dataset.target_facts import VARIABLE_SD
from tasks.drugs.drugs import METHOD, DrugData
from tasks.errors import BadInputError
from tasks.fitting.fold import Panel
from tasks.scoring.all_genes import FEWEST_KNOWN
from tasks.scoring.samples import gene_columns, none_known
from tasks.tables.rows import correlation_rows
from tasks.tables.schemas import table_of

MODEL = "ranking"
DEFAULT_FEATURES = "dependency"  # it ranked best on real responses (PRISM, CTRP)


def ranking_tables(panel: Panel, drugs: DrugData, fold: Fold) -> dict[str, pa.Table]:
    """`profile_scores` of a fold over cell lines, for all drugs of the response matrix.

    Axis "drug": r over the fold's test lines. Axis "cell_line": r over drugs, of measured and predicted
    response, each less the drug's training mean; how strong the drugs are in general does not count.
    """
    found = _fitted(panel, drugs, fold)
    scaling = scaling_of(panel.expression[fold.train])
    lines, new = (standardised(panel.expression[rows], scaling) for rows in (fold.train, fold.test))
    measured = drugs.response[fold.test].astype(np.float64)
    names = [panel.cell_lines[i] for i in fold.test]
    scores = []
    for features, weights in found.weights.items():
        predicted = predict_drugs(weights, found.kernel, new, lines, int(scaling.varies.sum()))
        keys = {"method": METHOD, "fold": fold.number, "model": MODEL, "features": features}
        scores.append(correlation_rows({**keys, "axis": "drug"}, drugs.drugs, measured.T, predicted.T))
        # A drug without a prediction counts in no line.
        excess = np.where(np.isfinite(predicted), measured, np.nan) - found.mean
        scores.append(correlation_rows({**keys, "axis": "cell_line"}, names, excess, predicted - found.mean))
    return {"profile_scores": table_of("profile_scores", scores)}


def fit_final_ranking(panel: Panel, drugs: DrugData) -> bytes:
    """The file of `artifacts.drug_ranking`, fitted on all cell lines: what `rank_drugs` predicts from."""
    every = np.arange(len(panel.cell_lines))
    model = _fitted(panel, drugs, Fold(-1, "all lines", every, every[:0]))
    return ranking_bytes(panel.genes, drugs.drugs, panel.cell_lines, panel.expression, model)


def rank_drugs(
    ranking: DrugRanking,
    expression: pd.DataFrame,
    features: str = DEFAULT_FEATURES,
    lower_is_more_sensitive: bool = True,
    pearson: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Every drug's predicted response in every new sample, and which drugs suit the sample best.

    Args:
        ranking: of `fit_final_ranking`.
        expression: samples x genes (symbols or "SYMBOL (entrez)"), log2(TPM+1); what is not finite is not
            known and left out of comparisons.
        features: "expression", "dependency" or "both".
        lower_is_more_sensitive: whether a low response means a sensitive line, as an AUC or IC50 does and an
            activity area does not.
        pearson: each drug's r over lines out of fold, for a column beside the predictions.

    Returns:
        One row per sample and drug, samples in their order, the most sensitive first: `sample`, `drug`,
        `forecast` (the prediction), the drug's training `mean` and `sd`, `z` = (forecast - mean) / sd, `rank`
        in the sample by z (1: more sensitive to it than most lines are; drugs differ in strength and in unit,
        so predictions themselves do not compare), `pearson` (NaN where not given). Prediction and rank are
        missing for a sample that knows under 90% of the genes, and for a drug with too few lines.

    Raises:
        BadInputError: no sample knows enough genes, or other `features`.
    """
    from scipy.stats import rankdata  # noqa: PLC0415 - scipy.stats takes a second to import

    if features not in ranking.model.weights:
        raise BadInputError(f"features {features!r}: expected one of {', '.join(ranking.model.weights)}")
    predicted = _predicted(ranking, expression, features)
    mean, sd = ranking.model.mean, ranking.model.sd
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (predicted - mean) / np.where(sd > 0, sd, np.nan)
    direction = 1.0 if lower_is_more_sensitive else -1.0
    ranks = rankdata(direction * z, method="min", axis=1, nan_policy="omit") if len(z) else z
    n_samples, n_drugs = predicted.shape
    out_of_fold = [float("nan") if pearson is None else pearson.get(d, float("nan")) for d in ranking.drugs]
    table = pd.DataFrame(
        {
            "sample": np.repeat(np.asarray(expression.index), n_drugs),
            "drug": np.tile(np.array(ranking.drugs, dtype=object), n_samples),
            "forecast": predicted.ravel(),
            "mean": np.tile(mean, n_samples),
            "sd": np.tile(sd, n_samples),
            "z": z.ravel(),
            "rank": pd.array(ranks.ravel(), dtype="Float64").astype("Int64"),
            "pearson": np.tile(out_of_fold, n_samples),
        }
    )
    order = np.argsort(ranks, axis=1, kind="stable") + n_drugs * np.arange(n_samples)[:, None]
    return table.iloc[order.ravel()].reset_index(drop=True)


def _fitted(panel: Panel, drugs: DrugData, fold: Fold) -> Ranking:
    """From the fold's training lines alone; of the targets those that vary between them."""
    effect = panel.effect[fold.train]
    known = ~np.isnan(effect)
    spread = np.zeros(effect.shape[1])
    spread[known.any(axis=0)] = np.nanstd(effect[:, known.any(axis=0)], axis=0, dtype=np.float64)
    return fit_ranking(
        panel.expression[fold.train], effect[:, spread > VARIABLE_SD], drugs.response[fold.train]
    )


def _predicted(
    ranking: DrugRanking, expression: pd.DataFrame, features: str
) -> Float64[np.ndarray, "samples drugs"]:
    """NaN for samples that know fewer than `FEWEST_KNOWN` percent of the genes that vary between lines."""
    scaling = scaling_of(ranking.expression)
    values = _in_order(expression, ranking.genes)
    known, needed = (~np.isnan(values) & scaling.varies).sum(axis=1), int(scaling.varies.sum())
    if len(values) and not known.any():
        raise BadInputError(none_known(expression, ranking.genes))
    enough = 100 * known >= FEWEST_KNOWN * needed
    if len(values) and not enough.any():
        raise BadInputError(_too_few_genes(expression.index, known, needed))
    weights, kernel = ranking.model.weights[features], ranking.model.kernel
    predicted = np.full((len(values), len(ranking.drugs)), np.nan)
    lines, new = standardised(ranking.expression, scaling), standardised(values[enough], scaling)
    predicted[enough] = predict_drugs(weights, kernel, new, lines, known[enough])
    return predicted


def _too_few_genes(samples: pd.Index, known: Int64[np.ndarray, " samples"], needed: int) -> str:
    best = int(known.argmax())
    name = str(samples[best])
    return (
        f"no sample can be ranked: the one that knows most genes, {name!r}, knows {known[best]} of the "
        f"{needed} genes the ranking needs ({known[best] / needed:.1%}); at least {FEWEST_KNOWN}% are "
        "needed: give the whole expression profile, columns named by gene symbols"
    )


def _in_order(expression: pd.DataFrame, genes: Sequence[str]) -> Float32[np.ndarray, "samples genes"]:
    """The samples' values in the order of `genes`, NaN where there is none."""
    place = gene_columns([str(name) for name in expression.columns])
    values = expression.to_numpy(dtype=np.float32, na_value=np.nan)
    ordered = np.full((len(values), len(genes)), np.nan, dtype=np.float32)
    for column, gene in enumerate(genes):
        if gene in place:
            ordered[:, column] = values[:, place[gene]]
    ordered[np.isinf(ordered)] = np.nan
    return ordered
