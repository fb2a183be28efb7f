"""Selection within inner folds against scipy on the lines that each part leaves."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from modeling.selection.inner_folds import strongest_without
from modeling.selection.prepared import prepare_genes


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    expression = rng.normal(size=(61, 90)) * rng.uniform(0.1, 3, 90) + 4
    effects = 0.3 * expression[:, :7] + rng.normal(size=(61, 7))
    effects[:, 5] = np.round(effects[:, 5])  # ties
    parts = [np.sort(part) for part in np.array_split(rng.permutation(61), 5)]
    expression[:, 11] = 3.0  # constant
    expression[:, 13] = expression[:, 2]  # a copy
    expression[:, 17] = 1.0
    expression[parts[1][0], 17] = 9.0  # varies in one line alone
    effects[:, 6] = 0.0
    effects[parts[2][0], 6] = 1.0
    return expression, effects, parts


@pytest.mark.parametrize("count", [6, 200])
def test_the_genes_are_those_of_a_loop_over_scipy(data: tuple, count: int) -> None:
    expression, effects, parts = data
    found = strongest_without(prepare_genes(expression).standardised, effects, parts, count)
    for target, y in enumerate(effects.T):
        for part, genes in zip(parts, found[target], strict=True):
            kept = np.setdiff1d(np.arange(len(y)), part)
            r = np.zeros(expression.shape[1])
            for gene, x in enumerate(expression.T):
                if np.ptp(x[kept]) > 0 and np.ptp(y[kept]) > 0:
                    r[gene] = abs(float(f"{pearsonr(x[kept], y[kept]).statistic:.11e}"))
            slow = [gene for gene in np.lexsort((np.arange(len(r)), -r)) if r[gene] > 0][:count]
            assert genes.tolist() == slow
    assert not len(found[6][2])  # constant without that part
    assert len(found[6][0])


def test_a_targets_genes_do_not_depend_on_the_others(data: tuple) -> None:
    expression, effects, parts = data
    genes = prepare_genes(expression).standardised
    many = np.tile(effects, (1, 20))
    together = strongest_without(genes, many, parts, 9)
    for target in range(7):
        (alone,) = strongest_without(genes, effects[:, [target]], parts, 9)
        for company in (together[target], together[target + 133]):
            assert all(np.array_equal(a, b) for a, b in zip(alone, company, strict=True))


def test_the_lines_of_a_part_do_not_matter_without_it(data: tuple) -> None:
    expression, effects, parts = data
    moved, other = expression.copy(), effects.copy()
    rng = np.random.default_rng(1)
    moved[parts[3]], other[parts[3]] = (
        rng.normal(size=(len(parts[3]), 90)),
        rng.normal(size=(len(parts[3]), 7)),
    )
    first = strongest_without(prepare_genes(expression).standardised, effects, parts, 9)
    again = strongest_without(prepare_genes(moved).standardised, other, parts, 9)
    ordinary = [t for t in range(7) if t != 6]
    assert all(np.array_equal(first[t][3], again[t][3]) for t in ordinary)
    assert any(not np.array_equal(first[t][0], again[t][0]) for t in ordinary)
