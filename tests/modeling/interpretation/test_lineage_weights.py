import numpy as np
import pytest

from modeling.interpretation.lineage_weights import FEWEST, PENALTIES, lineage_weights
from tests.reference.explanation import lineage_weights_slow


def made(differ: float, seed: int = 0, lines: int = 120, genes: int = 5):
    """Four groups, of which one has too few lines; in one, the first gene's weight differs."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([0, 1, 2, 3, -1], [50, 30, 25, FEWEST - 1, lines - 114])
    x = rng.gamma(2, 1.5, (lines, genes))
    y = 0.5 * x[:, 0] - 0.2 * x[:, 1] + np.where(groups == 1, differ * x[:, 0], 0) + rng.normal(size=lines)
    return x, y, groups


@pytest.mark.parametrize("differ", [0.0, 0.8])
def test_equals_scikit_learn_and_leaving_out_line_after_line(differ):
    x, y, groups = made(differ)
    pooled, weights, penalty, errors = lineage_weights_slow(x, y, groups, 4, PENALTIES, FEWEST)
    found = lineage_weights(x, y, groups, 4)
    np.testing.assert_allclose(found.pooled, pooled, rtol=1e-6)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-6)
    assert found.penalty == penalty
    assert found.improves == pytest.approx(1 - min(errors) / errors[-1], rel=1e-6)
    assert found.n.tolist() == [50, 30, 25, FEWEST - 1]


def test_a_group_that_differs_moves_and_others_hardly_do():
    x, y, groups = made(2.0, seed=1)
    found = lineage_weights(x, y, groups, 4)
    moved = np.abs(found.weights[:, 0] - found.pooled[0])
    assert moved[1] > 2 * max(moved[0], moved[2])
    assert np.isnan(found.weights[3]).all()


def test_nothing_is_made_of_noise():
    infinite = 0
    for seed in range(10):
        x, _, groups = made(0.0, seed)
        y = np.random.default_rng([seed, 1]).normal(size=len(x))
        infinite += lineage_weights(x, y, groups, 4).penalty >= PENALTIES[-4]
    assert infinite >= 6


def test_constant_genes_have_no_weight_and_bad_values_are_named():
    x, y, groups = made(1.0)
    x[:, 2] = 3.0
    found = lineage_weights(x, y, groups, 4)
    assert abs(found.pooled[2]) < 1e-12
    assert (np.abs(found.weights[:3, 2]) < 1e-12).all()
    x[0, 0] = np.nan
    with pytest.raises(ValueError, match="missing"):
        lineage_weights(x, y, groups, 4)
