"""Held-out lineages against their random twins, slowly: pandas loops, and scipy's tests of each row."""

import numpy as np
import pandas as pd
from scipy import stats

Folds = list[tuple[str, int, int, int]]  # lineage, its fold, its twin, lines


def lineages(scores: pd.DataFrame, folds: Folds) -> pd.DataFrame:
    rows = []
    for method, mine in scores.groupby("method"):
        per_lineage = []
        for name, fold, twin, lines in folds:
            pairs = _pairs(mine, fold, twin, "rmse")
            mean = _pairs(mine, fold, twin, "rmse_mean")
            per_lineage.append((pairs, mean))
            key = {"method": method, "fold": fold, "lineage": name, "n_lines": lines}
            rows.append({**key, **_row(pairs, mean)})
        pairs, mean = (pd.concat(parts).groupby("target").mean() for parts in zip(*per_lineage, strict=True))
        key = {"method": method, "lineage": "all lineages", "n_lines": sum(f[3] for f in folds)}
        rows.append({**key, **_row(pairs, mean)})
    return pd.DataFrame(rows)


def lineage_targets(scores: pd.DataFrame, folds: Folds) -> pd.DataFrame:
    rows = []
    for (method, target), mine in scores.groupby(["method", "target"]):
        named = [(name, _pairs(mine, fold, twin, "rmse")) for name, fold, twin, _ in folds]
        pairs = pd.concat([p for _, p in named])
        r = pd.concat([_pairs(mine, fold, twin, "pearson") for _, fold, twin, _ in folds])
        known = [(p["held_out"].iloc[0], name) for name, p in named if len(p)]
        worst = max(known, key=lambda item: item[0], default=(np.nan, None))
        row = {"method": method, "target": target, "lineages": len(pairs), **_tests(pairs)}
        row |= {"lineages_with_r": len(r), "pearson": r["held_out"].mean()}
        row |= {"pearson_random": r["random"].mean(), "worst_lineage": worst[1], "worst_rmse": worst[0]}
        rows.append(row)
    return pd.DataFrame(rows)


def _pairs(scores: pd.DataFrame, fold: int, twin: int, score: str) -> pd.DataFrame:
    sides = {"held_out": fold, "random": twin}
    columns = {name: scores[scores["fold"] == k].set_index("target")[score] for name, k in sides.items()}
    return pd.DataFrame(columns).dropna()


def _row(pairs: pd.DataFrame, mean: pd.DataFrame) -> dict[str, float]:
    worse = (pairs["held_out"] > pairs["random"]).mean() if len(pairs) else np.nan
    row = {"targets": len(pairs), **_tests(pairs), "share_worse": worse}
    row |= {"rmse_mean": mean["held_out"].mean(), "rmse_mean_random": mean["random"].mean()}
    beyond = _tests((pairs - mean).dropna())
    row |= {"beyond_mean": beyond["difference"], "beyond_mean_t_p": beyond["t_p"]}
    return row | {"beyond_mean_wilcoxon_p": beyond["wilcoxon_p"]}


def _tests(pairs: pd.DataFrame) -> dict[str, float]:
    x, y = pairs["held_out"].to_numpy(), pairs["random"].to_numpy()
    row = {"rmse": pairs["held_out"].mean(), "rmse_random": pairs["random"].mean()}
    row |= {
        "difference": (x - y).mean() if len(x) else np.nan,
        "t": np.nan,
        "t_p": np.nan,
        "wilcoxon_p": np.nan,
    }
    if len(x) >= 2 and np.ptp(x - y) > 0:
        test = stats.ttest_rel(x, y)
        row |= {"t": test.statistic, "t_p": test.pvalue}
    if len(x) >= 2 and np.any(x != y):
        row["wilcoxon_p"] = stats.wilcoxon((x - y)[x != y]).pvalue
    return row
