import numpy as np
import pytest

from modeling.interpretation.collinear import ALIKE, collinear_groups, correlations
from tests.reference.explanation import groups_hold


def made(seed: int, genes: int = 14):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(90, 4))
    return shared[:, rng.integers(0, 4, genes)] * rng.choice([-1, 1], genes) + rng.normal(
        0, rng.uniform(0.2, 1.5, genes), (90, genes)
    )


@pytest.mark.parametrize("seed", range(8))
def test_every_pair_of_a_group_is_alike_and_no_two_groups_could_be_one(seed):
    r = correlations(made(seed))
    np.testing.assert_allclose(r, np.corrcoef(made(seed), rowvar=False), atol=1e-12)
    assert groups_hold(r, collinear_groups(r), ALIKE)


def test_constants_twins_and_few_genes():
    x = made(0)
    x[:, 1], x[:, 2] = 5.0, -x[:, 0]
    r = correlations(x)
    assert r[1, 1] == 1
    assert (np.delete(r[1], 1) == 0).all()
    groups = collinear_groups(r)
    assert groups[0] == groups[2] == 0
    assert (groups == groups[1]).sum() == 1
    assert collinear_groups(correlations(x[:, :1])).tolist() == [0]
    assert collinear_groups(np.empty((0, 0))).tolist() == []
