"""Candidates of other packages: found without being imported, refused by name, as good as those built in."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from modeling.candidates.registry import (
    BUILT,
    Problem,
    candidate_of,
    candidates_of,
    known_candidates,
    plugin_of,
    restore,
)
from modeling.plugins import CANDIDATES, METHODS, Plugin, discover
from tests.contracts import candidate as contract
from tests.contracts.candidate import CHECKS
from tests.modeling.installed import Install, installer
from tests.reference.hard_data import signal

# What an author writes: one module, one entry point.
MEDIAN = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Fitted

@dataclass(frozen=True, eq=False)
class MedianModel:
    value: np.ndarray
    def predict(self, features):
        return np.full(len(features), self.value[0])
    def arrays(self):
        return {"value": self.value}
    @classmethod
    def from_arrays(cls, arrays):
        return cls(arrays["value"])

@dataclass(frozen=True)
class Median(SingleProblemCandidate):
    name: str = "median"
    summary: str = "the median of the training lines"
    cost: FitCost = FitCost(1e-4)
    model: ClassVar[type] = MedianModel
    def fit_one(self, problem):
        return Fitted(self.name, MedianModel(np.array([np.median(problem.effect)])))

READY = Median()
OTHER = Median("other")
"""
MEDIAN_ENTRY = f"[{CANDIDATES}]\nmedian = toy_median:Median\n"


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    with installer(tmp_path / "site") as function:
        yield function


@pytest.mark.parametrize("attribute", ["Median", "READY"])
def test_a_plug_in_is_a_candidate_like_those_built_in(install: Install, attribute: str):
    install("toy-median", "1.2", f"[{CANDIDATES}]\nmedian = toy_median:{attribute}\n", toy_median=MEDIAN)
    assert known_candidates() == (*BUILT, "median")
    assert "toy_median" not in sys.modules  # listed, not imported
    ols, median = candidates_of(("ols", "median"))
    assert (ols.name, median.name) == ("ols", "median")
    assert candidate_of("median") is candidate_of("median")
    features, effect = signal(40, 3, 0)
    (fitted,) = median.fit([Problem(features, effect, 0)])
    assert fitted.predict(features).tolist() == [np.median(effect)] * 40
    assert restore("median", fitted.arrays()).predict(features).tolist() == [np.median(effect)] * 40


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_holds_for_a_plug_in(install: Install, check):  # type: ignore[no-untyped-def]
    install("toy-median", "1.2", MEDIAN_ENTRY, toy_median=MEDIAN)
    check(candidate_of("median"))


def test_the_contract_can_be_run_by_name_and_fails_for_what_breaks_it(install: Install, capsys):  # type: ignore[no-untyped-def]
    broken = MEDIAN.replace("np.median(problem.effect)]", "np.random.default_rng().normal()]")
    install("toy-median", "1.2", MEDIAN_ENTRY, toy_median=broken)
    assert contract.main(["ols"]) == 0
    assert contract.main(["median"]) >= 2
    assert "check_company_and_order_change_nothing: FAILED" in capsys.readouterr().out


def test_where_a_plug_in_comes_from_is_known(install: Install):
    install("toy-median", "1.2", MEDIAN_ENTRY, toy_median=MEDIAN)
    expected = Plugin("median", CANDIDATES, "toy-median", "1.2", "toy_median:Median")
    assert plugin_of("median") == expected
    assert expected.source == "toy-median 1.2"
    assert plugin_of("ols") is None
    assert plugin_of("woods") is None
    assert "median" not in discover(METHODS)


def test_one_that_cannot_be_imported_is_reported_when_asked_for_and_harms_no_other(install: Install):
    install("toy-median", "1.2", MEDIAN_ENTRY, toy_median=MEDIAN)
    entry = f"[{CANDIDATES}]\nbroken = toy_broken:Broken\nabsent = toy_absent:Absent\n"
    install("toy-broken", "0.3", entry, toy_broken="raise RuntimeError('no licence')")
    assert [c.name for c in candidates_of(("ols", "median"))] == ["ols", "median"]
    with pytest.raises(ValueError, match=r"'broken'.*toy-broken 0\.3.*RuntimeError: no licence"):
        candidates_of(("ols", "broken"))
    with pytest.raises(ValueError, match=r"'absent'.*toy-broken 0\.3.*No module named 'toy_absent'"):
        restore("absent", {})


def test_a_name_that_is_built_in_is_refused_naming_the_package(install: Install):
    install("toy-ols", "2.0", f"[{CANDIDATES}]\nols = toy_median:Median\n", toy_median=MEDIAN)
    with pytest.raises(ValueError, match=r"'ols' is claimed by toy-ols 2\.0 and by knockcast itself"):
        candidate_of("ols")
    assert [c.name for c in candidates_of(("ridge", "lasso"))] == ["ridge", "lasso"]
    assert "toy_median" not in sys.modules


def test_a_name_that_two_packages_claim_is_refused_naming_both(install: Install):
    install("toy-b", "2.0", MEDIAN_ENTRY, toy_median=MEDIAN)
    install("toy-a", "1.0", MEDIAN_ENTRY)
    assert plugin_of("median") == Plugin(
        "median", CANDIDATES, "toy-a", "1.0", "toy_median:Median", ("toy-b 2.0",)
    )
    with pytest.raises(ValueError, match=r"claimed by toy-a 1\.0 and by toy-b 2\.0"):
        candidate_of("median")


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("OTHER", "calls itself 'other'"),
        ("MedianModel", "gives none when called"),
        ("np", "gives none when called"),
        ("dict", "is no candidate but dict"),
        ("nothing", "cannot be imported"),
    ],
)
def test_what_is_no_candidate_of_its_name_is_refused(install: Install, attribute: str, words: str):
    text = MEDIAN + "dict = dict\n"
    install("toy-median", "1.2", f"[{CANDIDATES}]\nmedian = toy_median:{attribute}\n", toy_median=text)
    with pytest.raises(ValueError, match=words):
        candidate_of("median")
