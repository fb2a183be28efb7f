"""Ridge on the first few features, whose number is chosen with the penalty."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate, linear_model
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.linear.ridge import leave_one_out_errors
from modeling.candidates.problem import Problem

NUMBERS = (1, 3, 10, 30, 0)  # of features, best first; 0 stands for all
PENALTIES = np.logspace(-1, 5, 13)  # two a decade
SETTINGS = tuple((number, float(penalty)) for number in NUMBERS for penalty in PENALTIES)

Features = Float64[np.ndarray, "lines features"]


@dataclass(frozen=True)
class RidgePath:
    """The fits of all `SETTINGS` to one problem: a column of `weights` each, of standardised features."""

    problem: Problem
    weights: Float64[np.ndarray, "features settings"]

    def predict(self, features: Features) -> Float64[np.ndarray, "lines settings"]:
        """Predicted effect for raw features, by each."""
        scaled = self.problem.standardised
        return ((features - scaled.mean) / scaled.scale) @ self.weights + self.problem.effect_mean

    def model(self, setting: int) -> LinearModel:
        """One of them."""
        return linear_model(self.problem, self.weights[:, setting])


@dataclass(frozen=True)
class FewRidge(SingleProblemCandidate):
    """Ridge on the first 1, 3, 10, 30 or all features, which come best first; 13 penalties for each number.

    Alone it takes the setting of the least leave-one-out error, the first at a tie: optimistic about large
    numbers where the features were selected on the same lines. In a stack inner folds choose, each of which
    selected its features anew (`stacking.Path`).
    """

    name: str = "few_ridge"
    summary: str = "ridge on the first few genes, their number chosen with the penalty"
    cost: FitCost = FitCost(0.0015)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        errors = [leave_one_out_errors(_first(problem, number), PENALTIES) for number in NUMBERS]
        return self.fitted(self.path(problem), int(np.argmin(np.concatenate(errors))))

    def path(self, problem: Problem) -> RidgePath:
        """All settings at once, by the eigenvectors of the features' products; of standardised features."""
        gram, products = problem.gram, problem.products
        weights = np.zeros((problem.n_features, len(SETTINGS)))
        for i, number in enumerate(NUMBERS):
            k = min(number or problem.n_features, problem.n_features)
            values, vectors = np.linalg.eigh(gram[:k, :k])
            parts = (vectors.T @ products[:k])[:, np.newaxis]
            shrunk = parts / (np.maximum(values, 0.0)[:, np.newaxis] + PENALTIES)
            weights[:k, i * len(PENALTIES) : (i + 1) * len(PENALTIES)] = vectors @ shrunk
        return RidgePath(problem, weights)

    def fitted(self, path: RidgePath, setting: int) -> Fitted:
        """One setting's fit."""
        number, penalty = SETTINGS[setting]
        parameters = {"number": min(number or path.problem.n_features, path.problem.n_features)}
        return Fitted(self.name, path.model(setting), parameters | {"penalty": penalty})


def _first(problem: Problem, number: int) -> Problem:
    return Problem(problem.features[:, : number or None], problem.effect, problem.seed, problem.fold_seed)


CANDIDATES = (FewRidge(),)
