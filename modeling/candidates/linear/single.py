"""Straight lines through one gene's expression: the best gene's, or the target's own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate, linear_model
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.problem import Problem


@dataclass(frozen=True)
class BestGene(SingleProblemCandidate):
    """Least squares on the feature of the highest |r| with the effect; the first at a tie."""

    name: str = "best_gene"
    summary: str = "a straight line through the best single gene"
    cost: FitCost = FitCost(0.0002)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        slopes = _slopes(problem)
        best = int(np.argmax(np.abs(slopes)))
        return Fitted(self.name, _line(problem, best, slopes), {"feature": best})


@dataclass(frozen=True)
class OwnExpression(SingleProblemCandidate):
    """Least squares on the target's own expression; the mean of the effect where that is not a feature."""

    name: str = "own_expression"
    summary: str = "a straight line through the target's own expression, where that is a feature"
    cost: FitCost = FitCost(0.0002)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        return Fitted(self.name, _line(problem, problem.own, _slopes(problem)), {"feature": problem.own})


def _slopes(problem: Problem) -> Float64[np.ndarray, " features"]:
    """Of a straight line through each standardised feature alone, in the effect's unit; ordered as |r| is."""
    return problem.standardised.values.T @ problem.effect_centred / problem.n_lines


def _line(problem: Problem, feature: int, slopes: Float64[np.ndarray, " features"]) -> LinearModel:
    """The model of one feature (none: -1) and its slope."""
    kept = np.zeros(problem.n_features)
    if feature >= 0:
        kept[feature] = slopes[feature]
    return linear_model(problem, kept)


CANDIDATES = (BestGene(), OwnExpression())
