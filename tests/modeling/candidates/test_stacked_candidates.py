"""The candidates of preset `careful`, and the best gene, against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from modeling.candidates.linear.few import NUMBERS, PENALTIES
from modeling.candidates.linear.ridge import leave_one_out_errors
from modeling.candidates.problem import Problem
from modeling.candidates.registry import BUILT
from tests.reference.hard_data import signal

NEW, _ = signal(25, 12, 99)


@pytest.mark.parametrize("lines", [60, 300])
def test_a_hundred_neighbours_are_scikit_learns(lines: int) -> None:
    features, effect = signal(lines, 12, 1)
    fitted = BUILT["knn100"].fit([Problem(features, effect, 0)])[0]
    slow = KNeighborsRegressor(min(100, lines), weights="distance").fit(features, effect)
    assert fitted.predict(NEW) == pytest.approx(slow.predict(NEW), rel=1e-9)
    assert fitted.predict(features) == pytest.approx(effect)  # each is its own neighbour
    twice = np.vstack([features, features])  # lines alike share
    fitted = BUILT["knn100"].fit([Problem(twice, np.append(effect, effect + 2), 0)])[0]
    assert fitted.predict(features) == pytest.approx(effect + 1)


def test_a_line_is_predicted_the_same_in_any_company() -> None:
    fitted = BUILT["knn100"].fit([Problem(*signal(150, 12, 2), 0)])[0]
    assert fitted.predict(NEW[3:4]).tobytes() == fitted.predict(NEW)[3:4].tobytes()


@pytest.mark.parametrize(("name", "own"), [("best_gene", -1), ("own_expression", 4)])
def test_one_gene_is_a_straight_line(name: str, own: int) -> None:
    features, effect = signal(80, 12, 3)
    features[:, 7] = 2.5  # a constant gene is never the best
    fitted = BUILT[name].fit([Problem(features, effect, 0, own=own)])[0]
    with np.errstate(invalid="ignore"):
        r = np.nan_to_num(np.abs([np.corrcoef(x, effect)[0, 1] for x in features.T]))
    gene = own if own >= 0 else int(r.argmax())
    slow = LinearRegression().fit(features[:, [gene]], effect)
    assert fitted.parameters["feature"] == gene
    assert fitted.predict(NEW) == pytest.approx(slow.predict(NEW[:, [gene]]), rel=1e-9)


def test_own_expression_that_is_no_feature_or_constant_leaves_the_mean() -> None:
    features, effect = signal(80, 12, 3)
    features[:, 7] = 2.5
    for own in (-1, 7):
        fitted = BUILT["own_expression"].fit([Problem(features, effect, 0, own=own)])[0]
        assert fitted.predict(NEW) == pytest.approx(np.full(len(NEW), effect.mean()))


def test_a_few_features_alone_are_chosen_by_leave_one_out() -> None:
    features, effect = signal(80, 40, 5)
    fitted = BUILT["few_ridge"].fit([Problem(features, effect, 0)])[0]
    errors = {
        (number or 40, float(penalty)): error
        for number in NUMBERS
        for penalty, error in zip(
            PENALTIES,
            leave_one_out_errors(Problem(features[:, : number or None], effect, 0), PENALTIES),
            strict=True,
        )
    }
    best = min(errors, key=lambda key: errors[key])
    assert (fitted.parameters["number"], fitted.parameters["penalty"]) == best
