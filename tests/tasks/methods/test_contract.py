"""Every built-in method keeps the contract of a method, which fails for what breaks it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from modeling.folds import make_folds
from tasks.errors import BadInputError
from tasks.fitting.finished import heard_by
from tasks.fitting.fit import Fit
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods import registry
from tasks.methods.kernels import METHODS as ON_ALL_GENES
from tasks.methods.method import Method
from tasks.methods.registry import built_in, method_named
from tasks.scoring.model_rows import Predictions
from tests.contracts import method as contract
from tests.contracts.method import METHOD_CONTRACT, Check, keeps, small_panel


@pytest.fixture(scope="module")
def panel() -> Panel:
    return small_panel()


@pytest.mark.parametrize("check", METHOD_CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", built_in())
def test_a_method_keeps_its_contract(name: str, check: Check, panel: Panel) -> None:
    keeps(built_in()[name], check, panel)


@pytest.mark.parametrize("name", ["modifiers", "forest", "ridge", "one_modifier"])
def test_what_a_method_says_is_finished_is_what_it_returns(name: str, panel: Panel) -> None:
    """It may be committed before the rest: nothing is changed, or said twice, once it is said."""
    method = built_in()[name]
    fold, settings = make_folds("kfold", len(panel.cell_lines), 4, 0)[1], contract.settings_for(method)
    said: list[Fit] = []
    with heard_by(said.extend, method.fit):
        prepared = method.prepare(panel, fold, settings, ())
        returned = {fit.target: fit for fit in method.fit(panel, prepared, range(9), settings)}
    assert said
    assert len({fit.target for fit in said}) == len(said)
    assert all(returned[fit.target] is fit for fit in said)


RIDGE = next(type(method) for method in ON_ALL_GENES if method.name == "ridge")


class SeesTestLines(RIDGE):  # type: ignore[valid-type, misc]
    """Takes a look at all lines where only training lines are allowed."""

    def prepare(self, panel: Panel, *rest: object) -> object:
        ranks = panel.expression.argsort(axis=0).argsort(axis=0).astype(np.float32)
        return super().prepare(replace(panel, expression=ranks), *rest)


class PredictsNothing(RIDGE):  # type: ignore[valid-type, misc]
    """Gives zero for every sample."""

    def predict(self, rows: Sequence[object], *rest: object) -> Predictions:
        made = super().predict(rows, *rest)
        return replace(made, predicted=np.zeros_like(made.predicted))


class ForgetsTrainingLines(RIDGE):  # type: ignore[valid-type, misc]
    """Predicts from a file that no run would store for it."""

    needs_training_expression = False


class OfItsCompany(RIDGE):  # type: ignore[valid-type, misc]
    """What it says of a target depends on how many others are fitted with it."""

    def fit(self, panel: Panel, prepared: object, targets: Sequence[int], settings: MethodSettings) -> list:
        fits = super().fit(panel, prepared, targets, settings)
        return [replace(fit, predictions=fit.predictions + len(targets)) for fit in fits]


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (SeesTestLines, contract.the_test_lines_change_nothing_that_is_fitted),
        (PredictsNothing, contract.its_final_models_predict_a_sample_in_any_company),
        (ForgetsTrainingLines, contract.its_final_models_predict_a_sample_in_any_company),
        (OfItsCompany, contract.a_target_is_the_same_in_any_company),
    ],
)
def test_the_contract_fails_for_what_breaks_it(broken: type[Method], check: Check, panel: Panel) -> None:
    with pytest.raises(AssertionError):
        keeps(broken(), check, panel)


def test_a_method_that_forgot_to_override_is_refused_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Half(Method):
        name = "half"
        help = "half a method"
        stores_models = True

    monkeypatch.setattr(registry, "built_in", lambda: {"half": Half()})
    words = r"half: .*Half must override cost, prepare, fit, final_model, predict"
    with pytest.raises(BadInputError, match=words):
        method_named("half")


def test_the_contract_can_be_run_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert contract.main(["ridge"]) == 0
    assert capsys.readouterr().out.count(": ok") == len(METHOD_CONTRACT)
