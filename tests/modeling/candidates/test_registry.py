import subprocess
import sys

import numpy as np
import pytest

from modeling.candidates.base import fit_each
from modeling.candidates.fitted import LinearModel
from modeling.candidates.mlp import deep
from modeling.candidates.registry import (
    BUILT,
    PRESETS,
    Fitted,
    Problem,
    candidates_of,
    known_candidates,
    plugin_of,
    restore,
)
from tests.contracts.candidate import CHECKS, HARD_CASES
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()
# On small problems the published Gaussian process ends at its bound and predicts the mean.
MAY_NOT_CONVERGE = ("gp_noiseless",)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """What is asked here of networks does not depend on how long they train."""
    monkeypatch.setattr(deep, "EPOCHS", 12)
    monkeypatch.setattr(deep, "PATIENCE", 4)


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_of_a_candidate(check, name):
    check(BUILT[name])


@pytest.mark.parametrize("name", sorted(set(BUILT) - set(MAY_NOT_CONVERGE)))
@pytest.mark.parametrize("case", HARD_CASES)
def test_hard_problems_converge(name, case):
    (fitted,) = BUILT[name].fit([Problem(*HARD[case], 0)])
    assert (fitted.status, fitted.reason) == ("ok", "")


def test_a_fit_that_overflows_is_a_reason_not_a_number():
    problem = Problem(*signal(60, 2, 6), 0)
    overflown = Fitted("planted", LinearModel(np.inf, np.zeros(2)))
    (fitted,) = fit_each("planted", lambda _: overflown, [problem])
    assert fitted.status == "failed"
    assert "not finite" in fitted.reason


def test_every_built_in_candidate_is_found():
    names = [
        "ols",
        "ridge",
        "lasso",
        "tree",
        "xgboost",
        "knn",
        "gp",
        "gp_noiseless",
        "forest",
        "deep",
        "xgboost+deep",
    ]
    assert set(BUILT) >= set(names)
    assert all(BUILT[name].name == name for name in BUILT)
    assert set(known_candidates()) >= set(BUILT)
    assert {name for names in PRESETS.values() for name in names} <= set(BUILT)
    assert plugin_of("ols") is None


def test_a_mean_costs_what_its_parts_cost():
    parts = BUILT["xgboost"].fit_seconds(500), BUILT["deep"].fit_seconds(500)
    assert BUILT["xgboost+deep"].fit_seconds(500) == sum(parts)
    assert BUILT["gp"].fit_seconds(1440) == pytest.approx(4 * BUILT["gp"].fit_seconds(720))


def test_listing_candidates_imports_no_heavy_library():
    code = "import sys, modeling.candidates.registry; print({n.split('.')[0] for n in sys.modules})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "xgboost", "sklearn"} & set(eval(ended.stdout))  # noqa: S307 - our own set


def test_presets_are_what_the_methods_say():
    assert [c.name for c in candidates_of("quick")] == ["ols", "ridge", "lasso", "tree"]
    assert [c.name for c in candidates_of("careful")] == ["few_ridge", "ridge", "knn100", "own_expression"]
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
