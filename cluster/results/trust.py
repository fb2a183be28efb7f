"""How far each stored final model can be trusted, and which method's model predicts a target best."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from cluster.results.calibration import Calibration, calibration_of
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.views.genes import judged_targets
from cluster.views.models import residuals_of
from tasks.methods.registry import method_named
from tasks.tables.schemas import KEYS, SCHEMAS

SCORE = "pearson_pooled"  # of table `genes`: what decides between methods
TRUST = ["class", "folds", "pearson", SCORE, "pearson_low", "pearson_high", "q_value", "gain"]
_FITS = ["target", "method", "kind", "modifiers", "coefficients", "status", "reason", "train_mean"]
_MEAN_ALONE = ("no_modifiers", "constant_target")  # these predict the training mean, whatever the sample


def ranked_models(
    reader: StoreReader, methods: Sequence[str], calibrated: bool = False
) -> tuple[pd.DataFrame, dict[str, Calibration]]:
    """One row per target and method whose final fit is stored, sorted by target and `rank`.

    `rank` counts the target's methods from 1, the one to predict with first: models that predict (`predicts`)
    before fits that ended without one or with a mean for all samples, then the higher `score`, and of equal
    scores the method that stands first in `methods`. The score is the pooled out-of-fold r (`pearson_pooled`
    of table `genes`). It is NaN, and comes last, where there is none (measured values that do not vary, no
    committed fold) or fewer folds are committed than of another of the methods: scores on different lines do
    not compare. Final models are of expression alone, so of a method that read other inputs too, all scores
    are of what expression alone predicted.

    Where they are asked for, the methods' calibrations come with it, from the same out-of-fold predictions.
    """
    calibrations: dict[str, Calibration] = {}
    parts = []
    for method in methods:
        genes, rows = judged_targets(reader, method, final_models=True)
        trust = genes.select(["target", *TRUST]).to_pandas()
        residuals = residuals_of(method, rows).drop_columns(["method"]).to_pandas()
        fits = _fits(reader, method)
        if calibrated:
            means = dict(zip(fits["target"], fits["train_mean"], strict=True))
            calibrations[method] = calibration_of(rows, genes, means)
        del rows  # a genome's are 0.8 GiB
        trust = trust.merge(residuals, on="target", how="left", validate="one_to_one")
        parts.append(fits.merge(trust, on="target", how="left", validate="one_to_one"))
    return _ranked(pd.concat(parts, ignore_index=True), methods), calibrations


def _ranked(fits: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    most = fits.groupby("target")["folds"].transform("max")
    fits["score"] = fits[SCORE].where(fits["folds"] == most)
    place = fits["method"].map({method: i for i, method in enumerate(methods)})
    worst_first = (place, -fits["score"].fillna(-np.inf), ~fits["predicts"])
    order = np.lexsort([*(column.to_numpy() for column in worst_first), _codes(fits["target"])])
    fits = fits.iloc[order].reset_index(drop=True)
    fits["rank"] = fits.groupby("target").cumcount() + 1
    return fits


def of_expression_alone(reader: StoreReader, methods: Sequence[str]) -> tuple[str, ...]:
    """What to know of final models whose folds read other inputs too, in a sentence; or nothing."""
    settings = reader.run.get("settings", {})
    names = [name for name in methods if "inputs" in method_named(name).reads]
    if not names or settings.get("inputs", "expression") == "expression":
        return ()
    return (
        f"{', '.join(names)}: final models use expression alone, not the mutations, copy number or other "
        "layers that the folds read too (--inputs all); so pearson_pooled, residuals, intervals and "
        "percentiles here are of what expression alone predicted out of fold, which table `genes` has as "
        "pearson_expression",
    )


def trust_table(ranked: pd.DataFrame, taken: pd.Series, several: bool) -> pd.DataFrame:
    """One row per target: its model by the method that was taken, and of `several` methods the others.

    `taken` gives each target's rank of the method taken. The columns about the others: `instead_of` lists
    methods with a better score that could predict no sample; `runner_up` is the next by score, and
    `runner_up_pearson_pooled` its score.
    """
    rank = ranked["target"].map(taken)
    mine = ranked[ranked["rank"] == rank].set_index("target")
    if several:
        models = ranked[ranked["predicts"]]
        rank = rank[models.index]
        after = models[models["rank"] == rank + 1].set_index("target")
        before = models[models["rank"] < rank].groupby("target")["method"].agg(",".join)
        mine["instead_of"] = before.reindex(mine.index, fill_value="")
        mine["runner_up"] = after["method"].reindex(mine.index)
        mine[f"runner_up_{SCORE}"] = after[SCORE].reindex(mine.index)
    return mine.reset_index().drop(columns=["rank", "score", "folds", "predicts"])


def _fits(reader: StoreReader, method: str) -> pd.DataFrame:
    """How each final fit of a method ended, sorted by target."""
    parts = [part for _, part in reader.parts("models", _FITS, method=method)]
    empty = pa.schema([SCHEMAS["models"].field(name) for name in _FITS]).empty_table()
    rows = sort_rows(pa.concat_tables([empty, *parts]), KEYS["models"]).to_pandas()
    rows["n_modifiers"] = [0 if named is None else len(named) for named in rows.pop("modifiers")]
    flat = [weights is not None and not np.any(weights) for weights in rows.pop("coefficients")]
    rows["train_mean"] = rows.pop("train_mean")
    rows["predicts"] = rows["kind"].notna() & ~np.array(flat, dtype=bool) & ~rows["status"].isin(_MEAN_ALONE)
    return rows


def _codes(names: pd.Series) -> np.ndarray:
    """Integers in the order of the names, by code point."""
    return np.unique(names.to_numpy(dtype=object), return_inverse=True)[1]
