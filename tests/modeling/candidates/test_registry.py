import numpy as np
import pytest

from modeling.candidates.base import fit_each
from modeling.candidates.fitted import LinearModel
from modeling.candidates.mlp import deep
from modeling.candidates.registry import BUILT, PRESETS, Fitted, Problem, candidates_of, restore
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()
CHEAP = ("ols", "ridge", "lasso", "tree", "knn")
# On small problems the published Gaussian process ends at its bound and predicts the mean.
MAY_NOT_CONVERGE = ("gp_noiseless",)


def is_fine(fitted):
    """Whether a fit is all that can be asked of its candidate."""
    return fitted.status == "ok" or (
        fitted.status == "not_converged" and fitted.candidate in MAY_NOT_CONVERGE
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """What is asked here of networks does not depend on how long they train."""
    monkeypatch.setattr(deep, "EPOCHS", 12)
    monkeypatch.setattr(deep, "PATIENCE", 4)


def same(a, b):
    """Whether two fits hold the same bytes."""
    assert (a.candidate, a.status, a.reason, dict(a.parameters)) == (
        b.candidate,
        b.status,
        b.reason,
        dict(b.parameters),
    )
    assert a.arrays().keys() == b.arrays().keys()
    for name, array in a.arrays().items():
        assert array.tobytes() == b.arrays()[name].tobytes(), name


@pytest.mark.parametrize("name", BUILT)
def test_a_stored_model_predicts_the_same_bits(name):
    features, effect = signal(90, 7, 1)
    unseen, _ = signal(33, 7, 2)
    (fitted,) = BUILT[name].fit([Problem(features, effect, 3)])
    assert is_fine(fitted), fitted.reason
    copies = {
        key: np.frombuffer(a.tobytes(), dtype=a.dtype).reshape(a.shape) for key, a in fitted.arrays().items()
    }
    again = restore(name, copies)
    assert again.candidate == name
    assert again.predict(unseen).tobytes() == fitted.predict(unseen).tobytes()
    assert (again.coefficients() is None) == (fitted.coefficients() is None)


@pytest.mark.parametrize("name", BUILT)
def test_a_fit_is_the_same_alone_and_in_company(name):
    problems = [Problem(*signal(60 + 10 * i, 4 + i, i), i) for i in range(4)]
    together = BUILT[name].fit(problems)
    for problem, fitted in zip(reversed(problems), reversed(together), strict=True):
        fresh = Problem(problem.features.copy(), problem.effect.copy(), problem.seed)
        same(BUILT[name].fit([fresh])[0], fitted)


@pytest.mark.parametrize("name", BUILT)
def test_the_memory_the_data_came_in_does_not_matter(name):
    features, effect = signal(77, 9, 4)
    shifted = np.empty(features.nbytes + 8, dtype=np.uint8)[8:].view(np.float64).reshape(features.shape)
    shifted[:] = features
    read_only = features.copy()
    read_only.flags.writeable = False
    layouts = [
        features,
        np.asfortranarray(features),
        shifted,
        np.repeat(features, 2, axis=1)[:, ::2],
        read_only,
    ]
    fits = [BUILT[name].fit([Problem(layout, effect, 1)])[0] for layout in layouts]
    for fitted in fits[1:]:
        same(fitted, fits[0])


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize(
    "case", ["more features than lines", "thirty lines", "one feature", "constant features"]
)
def test_hard_problems_are_fitted(name, case):
    features, effect = HARD[case]
    (fitted,) = BUILT[name].fit([Problem(features, effect, 0)])
    assert is_fine(fitted), fitted.reason
    assert np.isfinite(fitted.predict(features)).all()


@pytest.mark.parametrize("name", BUILT)
def test_one_bad_problem_fails_alone(name):
    features, effect = signal(60, 5, 6)
    holed = effect.copy()
    holed[7] = np.nan
    # The hole must be noticed even where no feature varies and it could not reach a coefficient.
    bad = [
        Problem(features, holed, 0),
        Problem(np.zeros((60, 2)), holed, 0),
        Problem(features[:, :0], effect, 0),
    ]
    fits = BUILT[name].fit([bad[0], Problem(features, effect, 0), *bad[1:]])
    assert [fit.status == "failed" for fit in fits] == [True, False, True, True]
    assert is_fine(fits[1]), fits[1].reason
    assert "effect has missing" in fits[0].reason
    assert fits[0].candidate == name
    assert np.isnan(fits[0].predict(features)).all()
    assert fits[0].arrays() == {}
    assert fits[0].coefficients() is None
    same(fits[1], BUILT[name].fit([Problem(features, effect, 0)])[0])


def test_a_fit_that_overflows_is_a_reason_not_a_number():
    problem = Problem(*signal(60, 2, 6), 0)
    overflown = Fitted("planted", LinearModel(np.inf, np.zeros(2)))
    (fitted,) = fit_each("planted", lambda _: overflown, [problem])
    assert fitted.status == "failed"
    assert "not finite" in fitted.reason


def test_presets_are_what_the_methods_say():
    assert [c.name for c in candidates_of("quick")] == ["ols", "ridge", "lasso", "tree"]
    assert PRESETS["published"] == ("ols", "lasso", "xgboost", "deep", "gp", "knn", "tree")
    assert [c.name for c in candidates_of(("knn", "ols"))] == ["knn", "ols"]


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ("best", "not built yet"),
        ("fast", "unknown preset 'fast'"),
        (("ols", "woods"), "unknown: woods"),
        (("ols", "ols"), "named once"),
        ((), r"\(none\)"),
    ],
)
def test_what_cannot_be_run_is_named(preset, words):
    with pytest.raises(ValueError, match=words):
        candidates_of(preset)


def test_only_whole_models_of_known_kinds_are_restored():
    with pytest.raises(ValueError, match="'woods'"):
        restore("woods", {})
    with pytest.raises(ValueError, match="lacks the array 'coefficients'"):
        restore("ols", {"intercept": np.zeros(1)})
