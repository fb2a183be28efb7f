"""Method `drugs`, second part: drugs ranked for cell lines, and for new samples given their expression."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float32, Float64, Int64
from scipy.stats import rankdata

from modeling.folds import Fold
from modeling.kernels.distances import scaling_of, standardised
from modeling.kernels.kernels import Laplacian
from modeling.profiles.drug_ranking import FEATURES, DrugWeights, Ranking, fit_ranking, forecast_drugs
from tasks.dataset.gene_classes import VARIABLE_SD
from tasks.dataset.gene_labels import name_genes
from tasks.drugs.drugs import METHOD, DrugData
from tasks.errors import BadInputError
from tasks.fitting.fold import Panel
from tasks.scoring.kernels import FEWEST_KNOWN
from tasks.scoring.samples import none_known
from tasks.tables.rows import correlation_rows
from tasks.tables.schemas import table_of

MODEL = "ranking"
FORMAT = 1
DEFAULT_FEATURES = "dependency"  # it ranked best on real responses (PRISM, CTRP)


def ranking_tables(panel: Panel, drugs: DrugData, fold: Fold) -> dict[str, pa.Table]:
    """`profile_scores` of a fold over cell lines, for all drugs of the response matrix.

    Axis "drug": r over the fold's test lines. Axis "cell_line": r over drugs, measured and forecast response
    each less the drug's training mean; how strong the drugs are in general does not count.
    """
    found = _fitted(panel, drugs, fold)
    scaling = scaling_of(panel.expression[fold.train])
    lines, new = (standardised(panel.expression[rows], scaling) for rows in (fold.train, fold.test))
    measured = drugs.response[fold.test].astype(np.float64)
    names = [panel.cell_lines[i] for i in fold.test]
    scores = []
    for features, weights in found.weights.items():
        forecast = forecast_drugs(weights, found.kernel, new, lines, int(scaling.varies.sum()))
        said = {"method": METHOD, "fold": fold.number, "model": MODEL, "features": features}
        scores.append(correlation_rows({**said, "axis": "drug"}, drugs.drugs, measured.T, forecast.T))
        # A drug that is not forecast counts in no line.
        apart = np.where(np.isfinite(forecast), measured, np.nan) - found.mean
        scores.append(correlation_rows({**said, "axis": "cell_line"}, names, apart, forecast - found.mean))
    return {"profile_scores": table_of("profile_scores", scores)}


def fit_final_ranking(panel: Panel, drugs: DrugData) -> dict[str, np.ndarray]:
    """Everything that `rank_drugs` needs, fitted on all cell lines: arrays for a safetensors file.

    `names` holds genes, drugs, cell lines and the kernel as JSON; `expression` is that of all lines.
    """
    every = np.arange(len(panel.cell_lines))
    found = _fitted(panel, drugs, Fold(-1, "all lines", every, every[:0]))
    said = {
        "format": FORMAT,
        "genes": list(panel.genes),
        "drugs": list(drugs.drugs),
        "cell_lines": list(panel.cell_lines),
        "kernel": found.kernel.parameters(),
    }
    names = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    arrays: dict[str, np.ndarray] = {
        "names": np.frombuffer(names, dtype=np.uint8),
        "expression": np.ascontiguousarray(panel.expression, dtype=np.float32),
        "mean": found.mean,
        "sd": found.sd,
        "count": found.count,
    }
    for features, weights in found.weights.items():
        arrays |= {f"{features}.{name}": value for name, value in vars(weights).items()}
    return arrays


def rank_drugs(
    arrays: Mapping[str, np.ndarray],
    expression: pd.DataFrame,
    features: str = DEFAULT_FEATURES,
    lower_is_more_sensitive: bool = True,
    pearson: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Every drug's forecast response in every new sample, and which drugs suit the sample best.

    Args:
        arrays: of `fit_final_ranking`.
        expression: samples x genes (symbols or "SYMBOL (entrez)"), log2(TPM+1); what is not finite is not
            known and left out of comparisons.
        features: "expression", "dependency" or "both".
        lower_is_more_sensitive: whether a low response means a sensitive line, as an AUC or IC50 does and an
            activity area does not.
        pearson: each drug's r over lines out of fold, to stand beside the forecasts.

    Returns:
        One row per sample and drug, samples in their order, the most sensitive first: `sample`, `drug`,
        `forecast`, the drug's training `mean` and `sd`, `z` = (forecast - mean) / sd, `rank` in the sample by
        z (1: more sensitive to it than most lines are; drugs differ in strength and in unit, so forecasts
        themselves do not compare), `pearson` (NaN where not given). Forecast and rank are missing for a
        sample that knows under 90% of the genes, and for a drug with too few lines.

    Raises BadInputError for a file of a newer version, and where no sample knows enough genes.
    """
    said = json.loads(arrays["names"].tobytes())
    _check(said, features)
    forecast = _forecast(arrays, said, expression, features)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (forecast - arrays["mean"]) / np.where(arrays["sd"] > 0, arrays["sd"], np.nan)
    direction = 1.0 if lower_is_more_sensitive else -1.0
    ranks = rankdata(direction * z, method="min", axis=1, nan_policy="omit") if len(z) else z
    n_samples, n_drugs = forecast.shape
    out_of_fold = [float("nan") if pearson is None else pearson.get(d, float("nan")) for d in said["drugs"]]
    table = pd.DataFrame(
        {
            "sample": np.repeat(np.asarray(expression.index), n_drugs),
            "drug": np.tile(np.array(said["drugs"], dtype=object), n_samples),
            "forecast": forecast.ravel(),
            "mean": np.tile(arrays["mean"], n_samples),
            "sd": np.tile(arrays["sd"], n_samples),
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


def _check(said: Mapping[str, Any], features: str) -> None:
    if said["format"] > FORMAT:
        raise BadInputError(
            f"drug ranking of format {said['format']}, written by a newer Knockcast; this one reads format "
            f"{FORMAT} and older: install the newer version to rank drugs from this store"
        )
    if features not in FEATURES:
        raise BadInputError(f"features {features!r}: expected one of {', '.join(FEATURES)}")


def _forecast(
    arrays: Mapping[str, np.ndarray], said: Mapping[str, Any], expression: pd.DataFrame, features: str
) -> Float64[np.ndarray, "samples drugs"]:
    """NaN for samples that know fewer than `FEWEST_KNOWN` percent of the genes that vary between lines."""
    scaling = scaling_of(arrays["expression"])
    values = _aligned(expression, said["genes"])
    known, needed = (~np.isnan(values) & scaling.varies).sum(axis=1), int(scaling.varies.sum())
    if len(values) and not known.any():
        raise BadInputError(none_known(expression, said["genes"]))
    enough = 100 * known >= FEWEST_KNOWN * needed
    if len(values) and not enough.any():
        raise BadInputError(_too_few_genes(expression.index, known, needed))
    weights = DrugWeights(*(arrays[f"{features}.{name}"] for name in ("intercept", "linear", "laplacian")))
    forecast = np.full((len(values), len(said["drugs"])), np.nan)
    lines, new = standardised(arrays["expression"], scaling), standardised(values[enough], scaling)
    forecast[enough] = forecast_drugs(weights, Laplacian(**said["kernel"]), new, lines, known[enough])
    return forecast


def _too_few_genes(samples: pd.Index, known: Int64[np.ndarray, " samples"], needed: int) -> str:
    best = int(known.argmax())
    name = str(samples[best])
    return (
        f"no sample can be ranked: the one that knows most genes, {name!r}, knows {known[best]} of the "
        f"{needed} genes the ranking needs ({known[best] / needed:.1%}); at least {FEWEST_KNOWN}% are "
        "needed: give the whole expression profile, columns named by gene symbols"
    )


def _aligned(expression: pd.DataFrame, genes: list[str]) -> Float32[np.ndarray, "samples genes"]:
    """The samples' values in the order of `genes`, NaN where there is none."""
    columns = [str(name) for name in expression.columns]
    names, _ = name_genes(columns)
    place = {name: i for i, name in enumerate(names.labels)} | {name: i for i, name in enumerate(columns)}
    values = expression.to_numpy(dtype=np.float32, na_value=np.nan)
    out = np.full((len(values), len(genes)), np.nan, dtype=np.float32)
    for column, gene in enumerate(genes):
        if gene in place:
            out[:, column] = values[:, place[gene]]
    out[np.isinf(out)] = np.nan
    return out
