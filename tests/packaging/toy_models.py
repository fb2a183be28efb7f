"""The module of a plug-in's package: a candidate and a method, as another team would write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.problem import Problem
from modeling.folds import Fold
from tasks.fitting.fit import fit_by_pattern
from tasks.fitting.fold import Panel
from tasks.fitting.modifiers import TargetFit
from tasks.methods.cost import Cost
from tasks.methods.method import Method


@dataclass(frozen=True)
class Median(SingleProblemCandidate):
    """Predicts the median effect of the training lines."""

    name: str = "median"
    summary: str = "median of the training lines"
    cost: FitCost = FitCost(0.0001)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        return Fitted(self.name, LinearModel(float(np.median(problem.effect)), np.zeros(problem.n_features)))


class ToyMean(Method):
    """Predicts the training mean of each target."""

    name = "toy_mean"
    help = "each target's training mean"

    def prepare(self, panel: Panel, fold: Fold, settings: Any, committed: Any) -> "ToyFold":
        return ToyFold(fold)

    def fit(
        self, panel: Panel, prepared: "ToyFold", targets: Sequence[int], settings: Any
    ) -> list[TargetFit]:
        def fit_group(names: list[int], effect: np.ndarray, present: np.ndarray) -> list[TargetFit]:
            rows = prepared.fold.train[present]
            return [
                TargetFit(t, rows, float(y.mean()), "no_modifiers")
                for t, y in zip(names, effect.T, strict=True)
            ]

        return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, fit_group)

    def cost(self, size: Any, settings: Any) -> Cost:
        return Cost(target=0.001)


@dataclass(frozen=True)
class ToyFold:
    """The fold is all that targets share."""

    fold: Fold
    seconds: float = 0.0
