"""Least squares on standardised features."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modeling.candidates.base import FitCost, SingleProblemCandidate, linear_model
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.problem import Problem

# scikit-learn's LinearRegression passes its `tol` of 1e-6 to scipy's lstsq as the cutoff.
RANK_CUTOFF = 1e-6


@dataclass(frozen=True)
class OLS(SingleProblemCandidate):
    """scikit-learn's LinearRegression on standardised features, by the problem's shared SVD.

    Singular values of at most 1e-6 of the largest count as 0 and the solution of least norm is taken, so that
    duplicate features share their weight.
    """

    name: str = "ols"
    summary: str = "least squares"
    cost: FitCost = FitCost(0.0003)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        svd = problem.svd
        kept = svd.singular > RANK_CUTOFF * svd.singular[0]
        weights = (svd.left[:, kept].T @ problem.effect_centred) / svd.singular[kept]
        model = linear_model(problem, svd.right[kept].T @ weights)
        return Fitted(self.name, model, {"rank": int(np.count_nonzero(kept))})


CANDIDATES = (OLS(),)
