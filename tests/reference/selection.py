"""Slow, obvious twin of modifier selection: scipy and statsmodels, one gene, test and target at a time."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

NOTHING = (np.nan, np.nan)


@dataclass
class ReferenceModifiers:
    """One target's modifiers by rank; statistics are rounded to 12 significant digits."""

    genes: list[int]
    statistics: dict[str, np.ndarray]  # per test, of `genes`
    q: dict[str, np.ndarray]  # per test, of `genes`
    chosen: dict[str, set[int]]  # per test


def rounded(value, digits=12):
    return float(f"{value:.{digits - 1}e}")


def chi_squared(x, y):
    """Six quantile bins of y against x below its median and not."""
    bins = np.searchsorted(np.quantile(y, np.array([1, 2, 3, 4, 5]) / 6), y, side="left")
    upper = x >= np.median(x)
    table = np.array([[np.sum((upper == side) & (bins == b)) for b in range(6)] for side in (False, True)])
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    result = stats.chi2_contingency(table, correction=False)
    return result.statistic, result.pvalue


def correlation(function, x, y):
    if (x == x[0]).all() or (y == y[0]).all():
        return NOTHING
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly constant input
        result = function(x, y)
    return result.statistic, result.pvalue


def all_tests(expression, effect):
    """Per test: statistics and p of every gene; NaN where not testable."""
    columns = [np.ascontiguousarray(column, dtype=np.float64) for column in expression.T]
    tests = {
        "pearson": [correlation(stats.pearsonr, x, effect) for x in columns],
        "spearman": [correlation(stats.spearmanr, x, effect) for x in columns],
        "chi2": [chi_squared(x, effect) for x in columns],
    }
    return {name: np.array(values).T for name, values in tests.items()}


def false_discovery(p):
    q = np.full(len(p), np.nan)
    testable = ~np.isnan(p)
    if testable.any():
        q[testable] = multipletests(p[testable], method="fdr_bh")[1]
    return q


def select_one(expression, effect, top=20, fdr=0.05, redundancy=None):
    """Modifiers of one target; `expression` is cell lines x genes, nothing missing."""
    effect = np.asarray(effect, dtype=np.float64)
    tests = all_tests(expression, effect)
    q = {name: false_discovery(p) for name, (_, p) in tests.items()}
    statistics = {
        name: np.array([np.nan if np.isnan(v) else rounded(v) for v in values])
        for name, (values, _) in tests.items()
    }
    chosen, so_far = {}, []
    for name in tests:
        kept = [g for g in range(expression.shape[1]) if q[name][g] < fdr]  # NaN is not below
        kept.sort(key=lambda g: (-abs(statistics[name][g]), g))
        chosen[name] = walk(kept, expression, top, redundancy, so_far)
    union = sorted(set().union(*chosen.values()))
    smallest = {g: rounded(np.nanmin([q[name][g] for name in tests]), 9) for g in union}
    union.sort(key=lambda g: (smallest[g], g))
    return ReferenceModifiers(
        union,
        {name: statistics[name][union] for name in tests},
        {name: q[name][union] for name in tests},
        chosen,
    )


def walk(kept, expression, top, redundancy, so_far):
    """The first `top` genes, without those too like another one chosen so far by any test."""
    if redundancy is None:
        return set(kept[:top])
    taken = []
    for gene in kept:
        if len(taken) == top:
            break
        x = expression[:, gene].astype(np.float64)
        others = [expression[:, g].astype(np.float64) for g in so_far if g != gene]
        if gene not in so_far and any(
            abs(rounded(stats.pearsonr(x, o).statistic)) >= redundancy for o in others
        ):
            continue
        if gene not in so_far:
            so_far.append(gene)
        taken.append(gene)
    return set(taken)
