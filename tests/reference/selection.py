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
    member = (bins[:, None] == np.arange(6)).astype(float)  # floats are multiplied faster, and exact here
    upper = at_least(genes.tobytes(), genes.shape, cut) @ member
    tables = np.stack([member.sum(axis=0) - upper, upper], axis=1)
    tables = tables[:, :, member.sum(axis=0) > 0]
    statistic, p = np.zeros(len(genes)), np.ones(len(genes))
    two_rows = (tables.sum(axis=2) > 0).all(axis=1)  # else nothing to compare: 0 and 1
    if tables.shape[2] > 1:
        tables = tables[two_rows]
        expected = tables.sum(axis=1, keepdims=True) * tables.sum(axis=2, keepdims=True) / len(y)
        terms = (tables - expected) ** 2 / expected
        statistic[two_rows] = terms.reshape(len(terms), -1).sum(axis=1)
        p[two_rows] = stats.chi2.sf(statistic[two_rows], tables.shape[2] - 1)
    return np.array([statistic, p])


@lru_cache(maxsize=4)
def at_least(held, shape, cut):
    """1.0 where a gene is at or above its cut, else 0.0: remembered for all targets."""
    genes = np.frombuffer(held).reshape(shape)
    return (genes >= cut(genes, axis=1, keepdims=True)).astype(float)


def contingency(table):
    """What scipy says of one table without its empty rows and columns: a fifth of a millisecond a call."""
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
        spearman[:, varies] = spearman_of_ranks(*ranks(genes[varies]), stats.rankdata(effect))
    return pearson, spearman


def spearman_of_ranks(ranks, spread, effect_ranks):
    """What stats.spearmanr does with ranks, in its order, for all rows at once: it would rank genes anew."""
    lines = len(effect_ranks)
    effect_ranks = effect_ranks - effect_ranks.mean()
    covariance = ranks @ effect_ranks * (1 / (lines - 1))
    rho = np.clip(covariance / np.sqrt(effect_ranks @ effect_ranks * (1 / (lines - 1))) / spread, -1, 1)
    with np.errstate(divide="ignore"):
        t = rho * np.sqrt((lines - 2) / ((1 + rho) * (1 - rho)))
    return rho, 2 * stats.t.sf(np.abs(t), lines - 2)


def ranks(genes):
    """Centred ranks of each row, ties at their mean, and their deviations: remembered for all targets."""
    return _ranks(genes.tobytes(), genes.shape)


@lru_cache(maxsize=4)
def _ranks(held, shape):
    ranked = stats.rankdata(np.frombuffer(held).reshape(shape), axis=1)
    ranked -= ranked.mean(axis=1, keepdims=True)
    return ranked, np.sqrt((ranked**2).sum(axis=1) * (1 / (shape[1] - 1)))


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
    alike = likeness(expression.tobytes(), expression.shape, expression.dtype.str)
    taken = []
    for gene in kept:
        if len(taken) == top:
            break
        if gene not in so_far and any(alike[gene, g] >= redundancy for g in so_far):
            continue
        if gene not in so_far:
            so_far.append(gene)
        taken.append(gene)
    return set(taken)


@lru_cache(maxsize=4)
def likeness(held, shape, dtype):
    """|Pearson's r| of every two genes, to 12 digits: remembered, as every target asks for the same pairs."""
    genes = np.frombuffer(held, dtype).reshape(shape).T.astype(np.float64)
    alike = np.zeros((len(genes), len(genes)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant genes: NaN, which is not above any bound
        for gene, row in enumerate(genes):
            alike[gene] = [abs(rounded(r)) for r in stats.pearsonr(genes, row[None, :], axis=1).statistic]
    return alike
