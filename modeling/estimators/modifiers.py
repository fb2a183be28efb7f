"""Modifiers of one target as a feature selector, and the model on them as a regressor."""

from numbers import Integral, Real
from typing import Any, get_args

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from modeling.candidates.choice import Trial, choose
from modeling.candidates.problem import Problem
from modeling.candidates.registry import STACKED, candidates_of
from modeling.selection.association import TESTS
from modeling.selection.prepared import FEWEST_LINES, Cut, prepare_genes
from modeling.selection.select import Modifiers, SelectionSettings, select

MEAN = "mean"  # the model where no gene is a modifier


class ModifierSelector(SelectorMixin, BaseEstimator):
    """Keeps the genes that Pearson's, Spearman's or a chi-squared test associates with the target.

    Per test Benjamini-Hochberg over all genes; of those with q below `fdr` the strongest `top`; the union of
    the three (Rosenski, Shifman and Kaplan, 2023). See `modeling.selection.select.SelectionSettings` for the
    parameters. It may keep no gene at all: scikit-learn's `transform` then warns.

        make_pipeline(ModifierSelector(top=10), LassoCV()).fit(expression, effect)

    Attributes:
        modifiers_: the genes (columns) by rank, with their statistics and q.
        support_: which columns are kept.

    Raises:
        ValueError: fewer than three lines, values that are missing or infinite, a parameter out of range.
    """

    def __init__(
        self,
        top: Any = 20,
        fdr: Any = 0.05,
        redundancy: Any = None,
        tests: Any = TESTS,
        cut: Any = "median",
    ) -> None:
        self.top = top
        self.fdr = fdr
        self.redundancy = redundancy
        self.tests = tests
        self.cut = cut

    def fit(self, X: Any, y: Any) -> "ModifierSelector":
        """Select from lines x genes and one effect a line."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=FEWEST_LINES)
        self.modifiers_ = _select(self, X, np.asarray(y, dtype=np.float64))
        self.support_ = np.isin(np.arange(X.shape[1]), self.modifiers_.genes)
        return self

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self) -> Tags:
        """A target is needed."""
        tags: Tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class ModifierRegressor(RegressorMixin, BaseEstimator):
    """The best of several models on a target's modifiers, which are selected anew in every fit.

    The training lines are split 90/10; each candidate is fitted to the 90 %, the lowest error on the 10 %
    wins and is fitted to all. Without a modifier, the prediction is the training mean.

        cross_val_predict(ModifierRegressor(), expression, effect, cv=KFold(5, shuffle=True))

    Args:
        preset: "quick" (least squares, ridge, lasso, tree), "published" (seven models, slower), or names of
            candidates. "careful" needs inner folds that select anew: use `knockcast run`.
        top, fdr, redundancy, tests, cut: as of `ModifierSelector`.
        random_state: decides the split and everything random in a candidate.

    Attributes:
        modifiers_: as of `ModifierSelector`.
        model_: name of the candidate that won; "mean" where no gene is a modifier.
        trials_: every candidate with its error on the 10 % (`modeling.candidates.choice.Trial`).

    Raises:
        ValueError: as of `ModifierSelector`; an unknown preset or candidate; no candidate could be fitted.
    """

    def __init__(
        self,
        preset: Any = "quick",
        top: Any = 20,
        fdr: Any = 0.05,
        redundancy: Any = None,
        tests: Any = TESTS,
        cut: Any = "median",
        random_state: Any = 0,
    ) -> None:
        self.preset = preset
        self.top = top
        self.fdr = fdr
        self.redundancy = redundancy
        self.tests = tests
        self.cut = cut
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "ModifierRegressor":
        """Select modifiers of lines x genes and one effect a line, then choose and fit a model."""
        if isinstance(self.preset, str) and self.preset in STACKED:
            raise ValueError(f"preset {self.preset!r} needs inner folds: `knockcast run` fits it")
        candidates = candidates_of(self.preset)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=FEWEST_LINES)
        y = np.asarray(y, dtype=np.float64)
        self.modifiers_ = _select(self, X, y)
        self.model_, self._fitted, self._mean = MEAN, None, float(np.mean(y))
        self.trials_: tuple[Trial, ...] = ()
        if len(self.modifiers_):
            problem = Problem(X[:, self.modifiers_.genes], y, seed_from(self.random_state))
            (choice,) = choose([problem], candidates)
            if choice.fitted.model is None:
                raise ValueError(choice.fitted.reason)
            self.model_, self.trials_ = choice.fitted.candidate, choice.trials
            self._fitted = choice.fitted
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The effect predicted for lines x genes."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        if self._fitted is None:
            return np.full(len(X), self._mean)
        return self._fitted.predict(X[:, self.modifiers_.genes])


def seed_from(random_state: Any) -> int:
    """A seed of ours from what scikit-learn's users give: an integer is itself."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _select(estimator: ModifierSelector | ModifierRegressor, X: np.ndarray, y: np.ndarray) -> Modifiers:
    _check_kinds(estimator)
    settings = SelectionSettings(
        estimator.top, estimator.fdr, estimator.redundancy, estimator.cut, tuple(estimator.tests)
    )
    (modifiers,) = select(prepare_genes(X, settings.cut), y[:, None], settings)
    return modifiers


def _check_kinds(estimator: ModifierSelector | ModifierRegressor) -> None:
    """ValueError for what is no number or no list; `SelectionSettings` knows the ranges."""
    expected = {
        "top": ("a whole number", isinstance(estimator.top, Integral)),
        "fdr": ("a number or None", isinstance(estimator.fdr, Real | None)),
        "redundancy": ("a number or None", isinstance(estimator.redundancy, Real | None)),
        "cut": (" or ".join(get_args(Cut)), estimator.cut in get_args(Cut)),
        "tests": (f"some of {', '.join(TESTS)}", isinstance(estimator.tests, tuple | list | set)),
    }
    for name, (words, is_one) in expected.items():
        if not is_one:
            raise ValueError(f"{name}: expected {words}, got {getattr(estimator, name)!r}")
