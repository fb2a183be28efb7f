"""Gaussian process regression, with a noise term and as published without one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Arrays, Fitted, StoredModel
from modeling.candidates.gp.likelihood import Likelihood, covariance_between, maximise, squared_distances
from modeling.candidates.problem import Problem

NOISE_START = 1.0
# scikit-learn's RBF() starts here; with many standardised features it sees no line near another and stays.
PUBLISHED_LENGTH_START = 1.0


@dataclass(frozen=True, eq=False)
class GPModel:
    """The mean of a Gaussian process: covariance with the training lines, times their weights.

    `lines` are the standardised training features, `mean` and `scale` what standardises new ones; the
    prediction times `effect_scale` plus `effect_mean` is the effect.
    """

    lines: Float64[np.ndarray, "train_lines features"]
    weights: Float64[np.ndarray, " train_lines"]
    mean: Float64[np.ndarray, " features"]
    scale: Float64[np.ndarray, " features"]
    length_scale: float
    effect_mean: float
    effect_scale: float

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features."""
        standardised = (features - self.mean) / self.scale
        covariance = covariance_between(standardised, self.lines, self.length_scale)
        predicted: Float64[np.ndarray, " lines"] = covariance @ self.weights
        return predicted * self.effect_scale + self.effect_mean

    def arrays(self) -> Arrays:
        """The fields; `scalars` are length scale, effect's mean and effect's scale."""
        return {
            "lines": self.lines,
            "weights": self.weights,
            "mean": self.mean,
            "scale": self.scale,
            "scalars": np.array([self.length_scale, self.effect_mean, self.effect_scale]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "GPModel":
        """The model that `arrays` was taken of."""
        length_scale, effect_mean, effect_scale = (float(value) for value in arrays["scalars"])
        return cls(
            arrays["lines"],
            arrays["weights"],
            arrays["mean"],
            arrays["scale"],
            length_scale,
            effect_mean,
            effect_scale,
        )


@dataclass(frozen=True)
class GaussianProcess(SingleProblemCandidate):
    """scikit-learn's GaussianProcessRegressor on standardised features and effect, optimised from one start.

    With noise: RBF(sqrt(features)) + WhiteKernel(1). Without (the published form): RBF(), so every training
    line is interpolated, and lines too alike make the fit fail. Status `not_converged` where a parameter
    ends at its bound: the likelihood has no maximum inside, so length scale and noise mean little.
    """

    name: str = "gp"
    noisy: bool = True
    summary: str = "Gaussian process with a noise term"
    cost: FitCost = FitCost(0.15, 2.0)
    model: ClassVar[type[StoredModel]] = GPModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        features, scale = problem.standardised, _effect_scale(problem)
        likelihood = Likelihood(squared_distances(features.values), problem.effect_centred / scale)
        best = maximise(likelihood, self._start(problem))
        parameters: dict[str, float | int | str] = {
            "length_scale": best.length_scale,
            "log_likelihood": best.log_likelihood,
            "evaluations": best.evaluations,
        }
        if self.noisy:
            parameters["noise"] = best.noise
        model = GPModel(
            features.values,
            best.weights,
            features.mean,
            features.scale,
            best.length_scale,
            problem.effect_mean,
            scale,
        )
        return Fitted(self.name, model, parameters, "not_converged" if best.trouble else "ok", best.trouble)

    def _start(self, problem: Problem) -> tuple[float, ...]:
        return (math.sqrt(problem.n_features), NOISE_START) if self.noisy else (PUBLISHED_LENGTH_START,)


def _effect_scale(problem: Problem) -> float:
    """Standard deviation of the effect (ddof 0); 1 where it is rounding and no more."""
    scale = math.sqrt(float(np.square(problem.effect_centred).mean()))
    rounding = np.finfo(np.float64).eps * problem.n_lines * abs(problem.effect_mean)
    return scale if scale > rounding else 1.0


CANDIDATES = (
    GaussianProcess(),
    GaussianProcess(
        "gp_noiseless",
        noisy=False,
        summary="Gaussian process without noise, as published",
        cost=FitCost(0.09, 2.0),
    ),
)
