"""A fitted model as plain data: it predicts, says how the fit went, and is stored without pickle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

Parameter = float | int | str
Arrays = dict[str, np.ndarray]
FitStatus = Literal["ok", "not_converged", "failed"]


@runtime_checkable
class Model(Protocol):
    """What a fit learned. Frozen; `arrays` holds all of it."""

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features."""
        ...

    def arrays(self) -> Arrays:
        """Everything needed to predict again, by name."""
        ...


class StoredModel(Model, Protocol):
    """A class of models that come back from their arrays."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Model:
        """The model that `arrays` was taken of."""
        ...


@dataclass(frozen=True, eq=False)
class LinearModel:
    """`intercept + features @ coefficients`, on the raw feature scale."""

    intercept: float
    coefficients: Float64[np.ndarray, " features"]

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features."""
        return features @ self.coefficients + self.intercept

    def arrays(self) -> Arrays:
        """`intercept` (one value) and `coefficients`."""
        return {"intercept": np.array([self.intercept]), "coefficients": self.coefficients}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "LinearModel":
        """The model that `arrays` was taken of."""
        return cls(float(arrays["intercept"][0]), arrays["coefficients"])


@dataclass(frozen=True, eq=False)
class Fitted:
    """One candidate's fit of one problem, or why there is none.

    `parameters` are the hyperparameters chosen and the evidence of convergence. Status `not_converged`:
    there is a model, but its solver stopped early, as `reason` says. Status `failed`: `model` is None,
    `reason` says why, and every prediction is NaN.
    """

    candidate: str
    model: Model | None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    status: FitStatus = "ok"
    reason: str = ""

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features, columns as in the problem."""
        rows = np.ascontiguousarray(features, dtype=np.float64)
        return np.full(len(rows), np.nan) if self.model is None else self.model.predict(rows)

    def arrays(self) -> Arrays:
        """Everything `modeling.candidates.registry.restore` needs; empty where the fit failed."""
        return {} if self.model is None else self.model.arrays()

    def coefficients(self) -> tuple[float, Float64[np.ndarray, " features"]] | None:
        """Intercept and coefficients on the raw feature scale for a linear model, None for another."""
        return (
            (self.model.intercept, self.model.coefficients) if isinstance(self.model, LinearModel) else None
        )


def failed(candidate: str, reason: str) -> Fitted:
    """The result of a fit that gave no model."""
    return Fitted(candidate, None, status="failed", reason=reason)
