"""The estimators keep scikit-learn's promises, and give what selection, candidates and method `best` give."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LassoCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from modeling.candidates.choice import choose
from modeling.candidates.problem import Problem
from modeling.candidates.registry import candidates_of
from modeling.estimators import BestRegressor, ModifierRegressor, ModifierSelector
from modeling.folds import FINAL_FOLD, Fold
from tasks.borrowing.fitting import fit_best_targets
from tests.reference.selection import select_one
from tests.tasks.best_folds import learned, panel_of_arrays, settings

LINES, GENES, TARGETS = 80, 30, 14
MISSES, FLAT, CONSTANT, FEW, PRIVATE = 3, 4, 9, 11, 12


@parametrize_with_checks([ModifierSelector(), ModifierRegressor(), BestRegressor()])
def test_they_are_estimators(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Expression, and targets that follow three factors of it; what each of the names above says."""
    rng = np.random.default_rng(4)
    expression = np.log2(rng.gamma(2.0, 1.5, (LINES, GENES)) + 1).astype(np.float32)
    expression[:, 5], expression[:, 8] = 3.25, expression[:, 7]
    effect = expression[:, :6] @ rng.standard_normal((6, 3)) @ rng.standard_normal((3, TARGETS))
    effect += rng.standard_normal((LINES, TARGETS))
    effect[rng.permutation(60)[:8], MISSES] = np.nan
    effect[:, FLAT] *= 0.01  # too little to teach
    effect[:, CONSTANT], effect[10:, FEW] = 0.75, np.nan
    effect[:, PRIVATE] = 3 * expression[:, 15] + rng.standard_normal(LINES)
    return expression, effect.astype(np.float32)


def test_the_selector_keeps_the_genes_of_the_slow_loop(data) -> None:
    x, y = data
    selector = ModifierSelector(top=4, fdr=0.2).fit(x, y[:, PRIVATE])
    expected = select_one(x.astype(np.float64), y[:, PRIVATE].astype(np.float64), top=4, fdr=0.2).genes
    assert selector.modifiers_.genes.tolist() == expected
    assert selector.get_support(indices=True).tolist() == sorted(expected)
    assert 15 in expected
    np.testing.assert_array_equal(selector.transform(x), x[:, sorted(expected)])


def test_a_parameter_out_of_range_is_named_when_fitting(data) -> None:
    x, y = data
    with pytest.raises(ValueError, match=r"fdr: expected a rate between 0 and 1, got 5\.0"):
        ModifierSelector(fdr=5.0).fit(x, y[:, 0])
    for name, value in {"cut": "x", "top": None, "tests": "pearson", "redundancy": "x", "fdr": "y"}.items():
        with pytest.raises(ValueError, match=rf"^{name}: expected .*, got {value!r}"):
            ModifierSelector(**{name: value}).fit(x, y[:, 0])
    with pytest.raises(ValueError, match="unknown: nothing"):
        ModifierRegressor(preset=("ols", "nothing")).fit(x, y[:, 0])
    with pytest.raises(ValueError, match="careful"):
        ModifierRegressor(preset="careful").fit(x, y[:, 0])


def test_the_regressor_is_selection_and_choice(data) -> None:
    x, y = data[0].astype(np.float64), data[1][:, PRIVATE].astype(np.float64)
    found = ModifierRegressor(random_state=5).fit(x[:60], y[:60])
    genes = select_one(x[:60], y[:60]).genes
    (choice,) = choose([Problem(x[:60][:, genes], y[:60], 5)], candidates_of("quick"))
    assert found.model_ == choice.fitted.candidate
    np.testing.assert_array_equal(found.predict(x[60:]), choice.fitted.predict(x[60:][:, genes]))
    assert [trial.candidate for trial in found.trials_] == ["ols", "ridge", "lasso", "tree"]


def test_without_modifiers_the_mean_is_predicted() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 5)), rng.standard_normal(40)
    found = ModifierRegressor(fdr=1e-9).fit(x, y)
    assert found.model_ == "mean"
    np.testing.assert_array_equal(found.predict(x[:3]), np.full(3, y.mean()))


def test_selection_in_a_pipeline_does_not_look_at_test_lines() -> None:
    """On noise, genes selected from all lines predict them; selected in the folds, they do not."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((60, 800)), rng.standard_normal(60)
    model = make_pipeline(ModifierSelector(top=10, fdr=None), LassoCV(cv=3, random_state=0))
    folds = KFold(5, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the lasso may not converge on noise
        honest = cross_val_predict(model, x, y, cv=folds)
        leaked = cross_val_predict(LassoCV(cv=3), ModifierSelector(top=10, fdr=None).fit_transform(x, y), y)
    assert abs(np.corrcoef(honest, y)[0, 1]) < 0.3
    assert np.corrcoef(leaked, y)[0, 1] > 0.5


def test_best_is_the_method(data) -> None:
    """The fold's file of what targets share is float32, hence 1e-5."""
    x, y = data
    train, test = np.arange(60), np.arange(60, LINES)
    panel, fold = panel_of_arrays(x, y), Fold(FINAL_FOLD, "all", train, test)
    of = settings(seed=3)
    prepared, _ = learned(panel, fold, of)
    modelled = [t for t in range(TARGETS) if t not in (CONSTANT, FEW)]
    fits = fit_best_targets(panel, prepared, modelled, of)
    found = BestRegressor(random_state=3).fit(x[train], y[train])
    expected = np.column_stack([fit.predict(panel, test) for fit in fits])
    np.testing.assert_allclose(found.predict(x[test])[:, modelled], expected, rtol=0, atol=1e-5)
    gates = [[] if fit.modifiers is None else fit.modifiers.genes.tolist() for fit in fits]
    assert [found.gates_[t].tolist() for t in modelled] == gates
    assert any(gates)
    assert found.kernel_ == prepared.kernel
    np.testing.assert_allclose(found.mix_[:, modelled].sum(axis=0), 1.0)


def test_targets_that_best_cannot_model_get_their_mean(data) -> None:
    x, y = data
    found = BestRegressor().fit(x, y)
    new = found.predict(x[:4] + 1)
    np.testing.assert_array_equal(new[:, CONSTANT], np.full(4, 0.75))
    np.testing.assert_allclose(new[:, FEW], np.full(4, np.nanmean(y[:, FEW].astype(np.float64))))
    assert np.isnan(found.mix_[:, [CONSTANT, FEW]]).all()
    assert not np.isnan(np.delete(found.mix_, [CONSTANT, FEW], axis=1)).any()


def test_a_target_measured_nowhere_is_refused(data) -> None:
    x, y = data
    with pytest.raises(ValueError, match=r"column 2 \(1 in all\) is measured on no line"):
        BestRegressor().fit(x, np.where(np.arange(TARGETS) == 2, np.nan, y))


def test_one_target_is_one_column(data) -> None:
    x, y = data
    model = BestRegressor()
    one = model.fit(x, y[:, 0]).predict(x)
    assert one.shape == (LINES,)
    np.testing.assert_array_equal(clone(model).fit(x, y[:, :1]).predict(x)[:, 0], one)
