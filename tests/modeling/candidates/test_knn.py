import numpy as np
import pytest

from modeling.candidates.knn import Neighbours
from modeling.candidates.registry import Problem
from tests.reference.candidates import knn_slow
from tests.reference.hard_data import signal


@pytest.mark.parametrize(("n", "p"), [(200, 10), (51, 3), (30, 4), (50, 60)])
def test_equals_scikit_learn(n, p):
    features, effect = signal(n, p, n)
    unseen, _ = signal(70, p, n + 1)
    (fitted,) = Neighbours().fit([Problem(features, effect, 0)])
    assert fitted.parameters["neighbours"] == min(50, n)
    # Distances by products lose digits against distances by differences.
    np.testing.assert_allclose(fitted.predict(unseen), knn_slow(features, effect)(unseen), rtol=0, atol=1e-8)


def test_a_training_line_keeps_its_own_effect():
    features, effect = signal(80, 5, 1)
    (fitted,) = Neighbours().fit([Problem(features, effect, 0)])
    np.testing.assert_array_equal(fitted.predict(features), effect)
    assert fitted.coefficients() is None
