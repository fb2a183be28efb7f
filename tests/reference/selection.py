"""Slow, obvious twin of modifier selection: scipy and statsmodels, one test and target at a time."""

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests


@dataclass
class ReferenceModifiers:
    """One target's modifiers by rank; statistics are rounded to 12 significant digits."""

    genes: list[int]
    statistics: dict[str, np.ndarray]  # per test, of `genes`
    q: dict[str, np.ndarray]  # per test, of `genes`
    chosen: dict[str, set[int]]  # per test


def rounded(value, digits=12):
    return float(f"{value:.{digits - 1}e}")


def chi_squared(genes, y, cut=np.median):
    """Six quantile bins of y against each gene below its cut and not: chi-squared and p of every gene."""
    bins = np.searchsorted(np.quantile(y, np.array([1, 2, 3, 4, 5]) / 6), y, side="left")
    member = (bins[:, None] == np.arange(6)).astype(int)
    upper = (genes >= cut(genes, axis=1, keepdims=True)).astype(int)
    tables = np.stack([(1 - upper) @ member, upper @ member], axis=1)
    return np.array([contingency(tuple(map(tuple, table))) for table in tables.tolist()]).T


@lru_cache(maxsize=10_000)
def contingency(table):
    """Remembered: a fifth of a millisecond a call, and the genes of a target with few levels share tables."""
    table = np.array(table)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    result = stats.chi2_contingency(table, correction=False)
    return result.statistic, result.pvalue


def correlations(genes, effect):
    """Pearson's and Spearman's statistics and p of every gene (row); NaN where either side is constant."""
    pearson, spearman = np.full((2, 2, len(genes)), np.nan)
    varies = (genes != genes[:, :1]).any(axis=1)
    if varies.any() and (effect != effect[0]).any():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nearly constant input
            result = stats.pearsonr(genes[varies], effect[None, :], axis=1)
            pearson[:, varies] = result.statistic, result.pvalue
        # spearmanr tests all pairs of columns: a few genes at a time keeps that short. The effect comes twice
        # because it returns a matrix for three columns or more only.
        for some in np.array_split(np.flatnonzero(varies), varies.sum() // 30 + 1):
            result = stats.spearmanr(np.column_stack([effect, effect, genes[some].T]))
            spearman[:, some] = result.statistic[0, 2:], result.pvalue[0, 2:]
    return pearson, spearman


def all_tests(expression, effect, cut=np.median):
    """Per test: statistics and p of every gene; NaN where not testable."""
    genes = np.ascontiguousarray(expression.T, dtype=np.float64)
    pearson, spearman = correlations(genes, effect)
    return {
        "pearson": pearson,
        "spearman": spearman,
        "chi2": chi_squared(genes, effect, cut),
    }


def false_discovery(p):
    q = np.full(len(p), np.nan)
    testable = ~np.isnan(p)
    if testable.any():
        q[testable] = multipletests(p[testable], method="fdr_bh")[1]
    return q


def select_one(expression, effect, top=20, fdr=0.05, redundancy=None, cut=np.median):
    """Modifiers of one target; `expression` is cell lines x genes, nothing missing; fdr None: no bar."""
    effect = np.asarray(effect, dtype=np.float64)
    tests = all_tests(expression, effect, cut)
    q = {name: false_discovery(p) for name, (_, p) in tests.items()}
    statistics = {
        name: np.array([np.nan if np.isnan(v) else rounded(v) for v in values])
        for name, (values, _) in tests.items()
    }
    chosen, so_far = {}, []
    for name in tests:
        kept = [g for g in range(expression.shape[1]) if passes(statistics[name][g], q[name][g], fdr)]
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


def passes(statistic, q, fdr):
    """NaN is not below, nor above; without a bar the statistic must differ from 0 (but for rounding)."""
    return abs(statistic) > 1e-12 if fdr is None else q < fdr


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
