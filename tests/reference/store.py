"""The `genes` summary and the residual quantiles, slowly: pandas loops over the contract's tables."""

import itertools
import math

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests


def genes(
    scores: pd.DataFrame,
    predictions: pd.DataFrame,
    modifiers: pd.DataFrame,
    facts: pd.DataFrame,
    wanted: dict[str, set[str]],
) -> pd.DataFrame:
    scores = scores[scores["fold"] >= 0]
    rows = []
    for (method, target), group in scores.groupby(["method", "target"]):
        mine = predictions[(predictions["method"] == method) & (predictions["target"] == target)]
        means = dict(zip(group["fold"], group["train_mean"], strict=True))
        mean = np.array([means[fold] for fold in mine["fold"]], dtype=float)
        r, low, high, p = _pooled(mine["measured"], mine["predicted"], mean)
        lineage = _pooled(mine["measured"], mine["predicted_lineage"], mean)[0]
        own = _pooled(mine["measured"], mine["predicted_own"], mean)[0]
        confounders = _pooled(mine["measured"], mine["predicted_confounders"], mean)[0]
        by_expression = _pooled(mine["measured"], mine["predicted_expression"], mean)[0]
        shuffled, p_shuffled = _shuffled(mine, mean) if len(mine) else (np.nan, np.nan)
        fact = facts[facts["target"] == target]
        row = {
            "method": method,
            "target": target,
            "class": fact["class"].iloc[0] if len(fact) else None,
            "mean": fact["mean"].iloc[0] if len(fact) else np.nan,
            "sd": fact["sd"].iloc[0] if len(fact) else np.nan,
            "folds": len(group),
            "n": int((mine["measured"].notna() & mine["predicted"].notna()).sum()),
            "pearson": group["pearson"].mean(),
            "pearson_pooled": r,
            "pearson_low": low,
            "pearson_high": high,
            "p_value": 1.0 if np.isnan(p) else p,
            "pearson_permuted": shuffled,
            "p_permuted": 1.0 if np.isnan(p_shuffled) else p_shuffled,
            "pearson_lineage": lineage,
            "pearson_confounders": confounders,
            "pearson_own": own,
            "pearson_expression": by_expression,
            "gain": r - max([0.0] + [x for x in (lineage, own) if not np.isnan(x)]),
            "rmse": _rmse(mine["measured"] - mine["predicted"]),
            "rmse_mean": _rmse((mine["measured"] - mean)[mine["predicted"].notna()]),
            "model": group["model"].dropna().sort_values().mode().sort_values().iloc[0]
            if group["model"].notna().any()
            else None,
            "stability": _stability(group, modifiers, method, target),
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    for method, group in table.groupby("method"):
        missing = len(wanted[method] - set(group["target"]))
        for name in ("value", "permuted"):
            q = multipletests([*group[f"p_{name}"], *[1.0] * missing], method="fdr_bh")[1]
            table.loc[group.index, f"q_{name}"] = q[: len(group)]
    return table


def residual_quantile(measured: pd.Series, predicted: pd.Series, level: float) -> float:
    errors = sorted((measured - predicted).abs().dropna())
    place = math.ceil(round((len(errors) + 1) * level, 9))
    return errors[place - 1] if place <= len(errors) else np.nan


def _pooled(measured: pd.Series, predicted: pd.Series, mean: np.ndarray) -> tuple[float, float, float, float]:
    known = (measured.notna() & predicted.notna()).to_numpy()
    x = measured.to_numpy(dtype=float)[known] - mean[known]
    y = predicted.to_numpy(dtype=float)[known] - mean[known]
    if len(x) < 2 or np.ptp(x) == 0:
        return np.nan, np.nan, np.nan, np.nan
    if np.ptp(y) < 1e-12:
        half = stats.norm.ppf(0.975) / np.sqrt(len(x) - 3)
        return 0.0, -np.tanh(half), np.tanh(half), 1.0
    result = stats.pearsonr(x, y, alternative="greater")
    interval = stats.pearsonr(x, y).confidence_interval(0.95)
    return float(result.statistic), float(interval.low), float(interval.high), float(result.pvalue)


def _shuffled(mine: pd.DataFrame, mean: np.ndarray) -> tuple[float, float]:
    """Mean over all shuffles of measured values within fold and lineage, and p of the r found."""
    x, y = (mine[name].to_numpy() - mean for name in ("measured", "predicted"))
    if np.ptp(y) < 1e-12:
        return 0.0, 1.0
    x, y = ((v - v.mean()) / np.sqrt(((v - v.mean()) ** 2).sum()) for v in (x, y))
    expected, variance, third = 0.0, 0.0, 0.0
    for _, rows in pd.DataFrame({"x": x, "y": y}).groupby(
        [mine["fold"].to_numpy(), mine["predicted_lineage"].to_numpy()]
    ):
        n, a, b = len(rows), rows["x"], rows["y"]
        expected += n * a.mean() * b.mean()
        if n > 1:
            variance += (n - 1) * a.var() * b.var()
        if n > 2:
            third += ((a - a.mean()) ** 3).sum() * ((b - b.mean()) ** 3).sum() * n / (n - 1) / (n - 2)
    z, skewness = (x @ y - expected) / variance**0.5, third / variance**1.5
    return expected, float(stats.norm.sf(z) if skewness <= 0 else stats.pearson3(skewness).sf(z))


def _rmse(errors: pd.Series) -> float:
    return float(np.sqrt((errors.dropna() ** 2).mean()))


def _stability(group: pd.DataFrame, modifiers: pd.DataFrame, method: str, target: str) -> float:
    mine = modifiers[(modifiers["method"] == method) & (modifiers["target"] == target)]
    sets = [set(mine.loc[mine["fold"] == fold, "modifier"]) for fold in group["fold"]]
    shares = [len(a & b) / len(a | b) for a, b in itertools.combinations(sets, 2) if a | b]
    return float(np.mean(shares)) if shares else np.nan
