"""How far each stored final model can be trusted, and which method's model predicts a target best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float64

from cluster.results.calibration import Calibration, calibration_of
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.text import counted
from cluster.views.genes import judged_targets
from cluster.views.models import residuals_of
from cluster.views.out_of_fold import OutOfFold, Spans
from modeling.statistics.dependent import difference_interval
from modeling.statistics.metrics import pearson
from tasks.methods.registry import method_named
from tasks.tables.schemas import KEYS, SCHEMAS

SCORE = "pearson_pooled"  # of table `genes`: what decides between methods
TRUST = ["class", "folds", "pearson", SCORE, "pearson_low", "pearson_high", "q_value", "gain"]
CHANCE = 0.05  # how often a method that is no better would be taken for clearly better
_FITS = ["target", "method", "kind", "modifiers", "coefficients", "status", "reason", "train_mean"]
_MEAN_ALONE = ("no_modifiers", "constant_target")  # these predict the training mean, whatever the sample


@dataclass(frozen=True, eq=False)
class Predicted:
    """What was measured, and one method's out-of-fold predictions less their folds' training means."""

    spans: Spans
    measured: Float64[np.ndarray, " rows"]
    predicted: Float64[np.ndarray, " rows"]

    @classmethod
    def of_rows(cls, rows: OutOfFold) -> "Predicted":
        """From all of a method's rows; what is missing stays so."""
        spans = Spans.among(rows.targets, rows.codes)
        return cls(spans, rows.measured, rows.predicted - rows.fold_mean)

    def of(self, target: str) -> tuple[Float64[np.ndarray, " lines"], Float64[np.ndarray, " lines"]]:
        """Measured and predicted values of a target."""
        here = self.spans.of(target)
        return self.measured[here], self.predicted[here]


def ranked_models(
    reader: StoreReader, methods: Sequence[str], calibrated: bool = False
) -> tuple[pd.DataFrame, dict[str, Calibration]]:
    """One row per target and method whose final fit is stored, sorted by target and `rank`.

    `rank` counts the target's methods from 1, the one to predict with first: models that predict (`predicts`)
    before fits that ended without one or with a mean for all samples; then the method `chosen` for the
    target, if any (`_choose`); then the higher `score`, and of equal scores the method that stands first in
    `methods`. `why_method` says why the first one is.

    The score is the pooled out-of-fold r (`pearson_pooled` of table `genes`). It is NaN, and comes last,
    where there is none (measured values that do not vary, no committed fold) or fewer folds are committed
    than of another of the methods: scores on different lines do not compare. Final models are of expression
    alone, so of a method that read other inputs too, all scores are of what expression alone predicted.

    Where they are asked for, the methods' calibrations come with it, from the same out-of-fold predictions.
    """
    calibrations: dict[str, Calibration] = {}
    predicted: dict[str, Predicted] = {}
    parts = []
    for method in methods:
        genes, rows = judged_targets(reader, method, final_models=True)
        trust = genes.select(["target", *TRUST]).to_pandas()
        residuals = residuals_of(method, rows).drop_columns(["method"]).to_pandas()
        fits = _fits(reader, method)
        if calibrated:
            means = dict(zip(fits["target"], fits["train_mean"], strict=True))
            calibrations[method] = calibration_of(rows, genes, means)
        if len(methods) > 1:
            predicted[method] = Predicted.of_rows(rows)
        del rows  # a genome's are 0.8 GiB
        trust = trust.merge(residuals, on="target", how="left", validate="one_to_one")
        parts.append(fits.merge(trust, on="target", how="left", validate="one_to_one"))
    return _ranked(pd.concat(parts, ignore_index=True), methods, predicted), calibrations


def _ranked(fits: pd.DataFrame, methods: Sequence[str], predicted: Mapping[str, Predicted]) -> pd.DataFrame:
    most = fits.groupby("target")["folds"].transform("max")
    fits["score"] = fits[SCORE].where(fits["folds"] == most)
    fits["chosen"], fits["why_method"] = False, ""
    if len(methods) > 1:
        _choose(fits, methods, predicted)
    place = fits["method"].map({method: i for i, method in enumerate(methods)})
    worst_first = (place, -fits["score"].fillna(-np.inf), ~fits["chosen"], ~fits["predicts"])
    order = np.lexsort([*(column.to_numpy() for column in worst_first), _codes(fits["target"])])
    fits = fits.iloc[order].reset_index(drop=True)
    fits["rank"] = fits.groupby("target").cumcount() + 1
    return fits


def best_on_average(fits: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """The methods, the highest mean score first: over the targets that all of them score and can predict.

    Where there is no such target, over each one's own. Of equal means, the one first in `methods`.
    """
    usable = fits[fits["predicts"] & fits["score"].notna()]
    table = usable.pivot(index="target", columns="method", values="score").reindex(columns=list(methods))
    common = table.dropna()
    mean = (common if len(common) else table).mean().fillna(-np.inf)
    return sorted(methods, key=lambda method: -mean[method])


def _choose(fits: pd.DataFrame, methods: Sequence[str], predicted: Mapping[str, Predicted]) -> None:
    """Mark the method to predict each target with as `chosen`, and say why, in place.

    It is the method that is best on average, unless another one's score is clearly better on the same lines:
    the lower end of the difference's interval (`modeling.statistics.dependent`) is above 0, which chance
    alone does in `CHANCE` of such comparisons. The highest of several such scores wins. Without that, the
    higher of two noisy scores would be taken, which is often the luckier one. Where the best on average has
    no score or no model, the next is in its place. None is chosen where no model has a score.
    """
    order = best_on_average(fits, methods)
    scores: dict[str, dict[str, float]] = {}
    usable = fits[fits["predicts"] & fits["score"].notna()]
    for target, method, score in zip(usable["target"], usable["method"], usable["score"], strict=True):
        scores.setdefault(target, {})[method] = score
    said = {target: _chosen(predicted, order, target, score) for target, score in scores.items()}
    here = [said.get(target, ("", "")) for target in fits["target"]]
    fits["chosen"] = [method == taken for method, (taken, _) in zip(fits["method"], here, strict=True)]
    fits["why_method"] = [why for _, why in here]


def _chosen(
    predicted: Mapping[str, Predicted], order: Sequence[str], target: str, score: Mapping[str, float]
) -> tuple[str, str]:
    """A target's method, of those with a score, and why it is; `order` has the best on average first."""
    base = next(method for method in order if method in score)
    better = [method for method in score if _clearly_better(predicted, target, method, base, score)]
    if better:
        taken = max(sorted(better, key=order.index), key=lambda method: score[method])
        return taken, f"r {score[taken]:.3f}, clearly above {score[base]:.3f} of {base}"
    if base == order[0]:
        return base, "best on average, no other is clearly better"
    return base, f"no model or no comparable score of {order[0]}"


def _clearly_better(
    predicted: Mapping[str, Predicted], target: str, method: str, base: str, score: Mapping[str, float]
) -> bool:
    """Whether a method's score is above that of `base` by more than its error, on the same lines."""
    if method == base or score[method] <= score[base]:
        return False
    (measured, mine), (same, other) = predicted[method].of(target), predicted[base].of(target)
    if not np.array_equal(measured, same, equal_nan=True):
        return False  # not the same lines
    between = pearson(mine, other)
    between = 0.0 if np.isnan(between) else between  # one of them does not vary
    low, _ = difference_interval(score[method], score[base], between, len(mine), 1 - 2 * CHANCE)
    return low > 0


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

    `taken` gives each target's rank of the method taken; `why_method` says why that one is. The columns
    about the others: `instead_of` lists methods that come before it and could predict no sample; `runner_up`
    is the next, and `runner_up_pearson_pooled` its score.
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
        stands_in = "stands in for " + mine["instead_of"]
        mine["why_method"] = mine["why_method"].where(mine["instead_of"] == "", stands_in)
    aside = ["rank", "score", "folds", "predicts", "chosen", *([] if several else ["why_method"])]
    return mine.reset_index().drop(columns=aside)


def _fits(reader: StoreReader, method: str) -> pd.DataFrame:
    """How each final fit of a method ended, and the genes it names (`modifiers`), sorted by target."""
    parts = [part for _, part in reader.parts("models", _FITS, method=method)]
    empty = pa.schema([SCHEMAS["models"].field(name) for name in _FITS]).empty_table()
    rows = sort_rows(pa.concat_tables([empty, *parts]), KEYS["models"]).to_pandas()
    rows["modifiers"] = [() if named is None else tuple(named) for named in rows["modifiers"]]
    rows["n_modifiers"] = [len(named) for named in rows["modifiers"]]
    flat = [weights is not None and not np.any(weights) for weights in rows.pop("coefficients")]
    rows["train_mean"] = rows.pop("train_mean")
    rows["predicts"] = rows["kind"].notna() & ~np.array(flat, dtype=bool) & ~rows["status"].isin(_MEAN_ALONE)
    return rows


def _codes(names: pd.Series) -> np.ndarray:
    """Integers in the order of the names, by code point."""
    return np.unique(names.to_numpy(dtype=object), return_inverse=True)[1]


def why_none(ranked: pd.DataFrame) -> list[str]:
    """How final fits ended, each with how many targets did, and the reasons that they give."""
    ended = ranked["status"].dropna().value_counts(sort=False).sort_index()
    reasons = ranked["reason"].dropna()
    return [f"{status}: {counted(count, 'target')}" for status, count in ended.items()] + sorted(
        set(reasons[reasons != ""])
    )
