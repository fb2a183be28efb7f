import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from modeling.candidates.registry import Problem
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()


@pytest.mark.parametrize("name", HARD)
def test_standardised_as_scikit_learn(name):
    features, effect = HARD[name]
    problem = Problem(features, effect, 0)
    scaler = StandardScaler().fit(features)
    np.testing.assert_allclose(problem.standardised.scale, scaler.scale_, rtol=1e-9)
    np.testing.assert_allclose(problem.standardised.values, scaler.transform(features), rtol=0, atol=1e-6)
    np.testing.assert_allclose(problem.effect_centred.sum(), 0, atol=1e-6 * np.abs(effect).max())


@pytest.mark.parametrize("name", HARD)
def test_the_decomposition_gives_the_features_back(name):
    problem = Problem(*HARD[name], 0)
    svd = problem.svd
    np.testing.assert_allclose(svd.left * svd.singular @ svd.right, problem.standardised.values, atol=1e-12)
    singular = np.linalg.svd(problem.standardised.values, compute_uv=False)
    np.testing.assert_allclose(svd.singular, singular, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("spread", [1.0, 1e-1, 1e-2, 3e-3, 1e-4, 1e-6, 0.0])
def test_singular_vectors_are_orthogonal_however_alike_features_are(spread):
    features, effect = signal(120, 20, 1)
    copies = features[:, :5] + spread * np.random.default_rng(0).normal(size=(120, 5))
    svd = Problem(np.hstack([features, copies]), effect, 0).svd
    kept = svd.singular > 1e-6 * svd.singular[0]
    for vectors in (svd.left[:, kept].T, svd.right[kept]):
        np.testing.assert_allclose(vectors @ vectors.T, np.eye(kept.sum()), atol=1e-9)


def test_a_constant_feature_is_exactly_zero():
    problem = Problem(*HARD["constant features"], 0)
    assert not problem.standardised.values[:, [2, 5]].any()
    np.testing.assert_array_equal(problem.standardised.scale[[2, 5]], 1.0)


def test_lines_are_taken_with_the_seed():
    features, effect = HARD["ordinary"]
    rows = np.array([3, 5, 90])
    taken = Problem(features, effect, 17).take(rows)
    assert taken.seed == 17
    np.testing.assert_array_equal(taken.features, features[rows])
    np.testing.assert_array_equal(taken.effect, effect[rows])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y: (x, np.where(np.arange(len(y)) == 4, np.nan, y)), "effect has missing"),
        (lambda x, y: (np.where(x > 7, np.inf, x), y), "feature has missing"),
        (lambda x, y: (x * 1e300, y), r"huge (over 1e+100)"),
        (lambda x, y: (x[:, :0], y), "0 features"),
        (lambda x, y: (x[:1], y[:1]), "1 lines"),
    ],
)
def test_trouble_is_named(change, words):
    problem = Problem(*change(*HARD["ordinary"]), 0)
    assert words in problem.trouble
    assert Problem(*HARD["ordinary"], 0).trouble == ""


@pytest.mark.usefixtures("annotations_unchecked")
def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"\(120, 8\) and \(119,\)"):
        Problem(HARD["ordinary"][0], HARD["ordinary"][1][1:], 0)
    with pytest.raises(ValueError, match="lines x features"):
        Problem(np.zeros(5), np.zeros(5), 0)
