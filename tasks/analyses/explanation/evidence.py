"""The modifiers themselves: which test chose them in which fold, how alike they are, r with the effect."""

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd

from modeling.interpretation.collinear import collinear_groups, correlations
from tasks.analyses.explanation.inputs import TargetData

TESTS = {"by_pearson": "Pearson", "by_spearman": "Spearman", "by_chi2": "chi-squared"}


def lines_table(data: TargetData, genes: tuple[str, ...]) -> pd.DataFrame:
    """gene, cell_line, lineage, expression, measured: a row per gene and measured line."""
    rows = data.measured
    values = data.values(rows, genes)
    return pd.DataFrame(
        {
            "gene": np.repeat(np.array(genes, dtype=object), len(rows)),
            "cell_line": [data.cell_lines[row] for row in rows] * len(genes),
            "lineage": [data.lineages[row] for row in rows] * len(genes),
            "expression": values.T.ravel(),
            "measured": np.tile(data.effect[rows], len(genes)),
        }
    )


def correlations_table(lines: pd.DataFrame) -> pd.DataFrame:
    """gene, n, pearson, spearman over all measured lines (`lines_table`), null where one side is constant."""
    from scipy.stats import pearsonr, spearmanr  # noqa: PLC0415 - scipy.stats takes a second to import

    rows = []
    for gene, part in lines.groupby("gene", sort=False):
        x, y = part["expression"].to_numpy(), part["measured"].to_numpy()
        varies = len(x) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0
        r = (pearsonr(x, y).statistic, spearmanr(x, y).statistic) if varies else (np.nan, np.nan)
        rows.append([gene, len(x), *map(float, r)])
    return pd.DataFrame(rows, columns=["gene", "n", "pearson", "spearman"])


def chosen_table(modifiers: pd.DataFrame, folds: int) -> pd.DataFrame:
    """gene, then for each test in how many folds it chose the gene, then whether in half of `folds` or more.

    `modifiers`: one method's rows of the table `modifiers`, of the folds that count.
    """
    counts = modifiers.groupby("modifier", sort=True)[list(TESTS)].sum().astype(int)
    often = (counts * 2 >= folds) & (counts > 0)
    out = counts.add_suffix("_folds").join(often)
    return out.rename_axis("gene").reset_index()


def venn_counts(tests: pd.DataFrame) -> dict[tuple[bool, bool, bool], int]:
    """How many genes each combination of tests chose, of `chosen_table`; genes chosen by none left out."""
    found = Counter(
        (bool(p), bool(s), bool(c)) for p, s, c in tests[list(TESTS)].itertuples(index=False, name=None)
    )
    return {key: n for key, n in found.items() if any(key)}


def stability_table(modifiers: pd.DataFrame, folds: list[int]) -> pd.DataFrame:
    """gene, fold, rank (null: not chosen), for every modifier and fold, most often chosen first."""
    ranks = modifiers.pivot_table(index="modifier", columns="fold", values="rank", aggfunc="min")
    ranks = ranks.reindex(columns=folds)
    chosen, mean = ranks.notna().sum(axis=1), ranks.mean(axis=1)
    order = sorted(ranks.index, key=lambda gene: (-chosen[gene], mean[gene], gene))
    return pd.DataFrame(
        [{"gene": gene, "fold": fold, "rank": ranks.loc[gene, fold]} for gene in order for fold in folds]
    )


def jaccard_table(modifiers: pd.DataFrame, folds: list[int]) -> pd.DataFrame:
    """first, second, jaccard: how alike the modifiers of two folds are, for every pair with any."""
    chosen = {fold: set(modifiers.loc[modifiers["fold"] == fold, "modifier"]) for fold in folds}
    rows = [
        [one, two, len(chosen[one] & chosen[two]) / len(union)]
        for one, two in combinations(folds, 2)
        if (union := chosen[one] | chosen[two])
    ]
    return pd.DataFrame(rows, columns=["first", "second", "jaccard"])


def collinear_table(data: TargetData, genes: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """gene, group (from 1, those of one gene alone null), and the matrix of r between them, ordered alike.

    Genes come group by group, larger groups first.
    """
    r = correlations(data.values(data.measured, genes))
    groups = collinear_groups(r)
    size = np.bincount(groups, minlength=1)
    order = sorted(range(len(genes)), key=lambda at: (-size[groups[at]], groups[at], at))
    numbers: dict[int, int] = {}
    for at in order:
        if size[groups[at]] > 1:
            numbers.setdefault(int(groups[at]), len(numbers) + 1)
    names = [genes[at] for at in order]
    table = pd.DataFrame(
        {"gene": names, "group": pd.array([numbers.get(int(groups[at])) for at in order], dtype="Int64")}
    )
    return table, pd.DataFrame(r[np.ix_(order, order)], index=names, columns=names)
