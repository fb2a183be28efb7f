"""What a stack of candidates learned, as plain arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from modeling.candidates.fitted import Arrays, LinearModel, Model

STACK = "stack"  # the kind of its models
NARROW = "~"  # ends the name of a float64 array that is stored as float32

Features = Float64[np.ndarray, "lines features"]
Lines = Float64[np.ndarray, " lines"]


@dataclass(frozen=True, eq=False)
class StackModel:
    """`linear` plus `weights` times the predictions of models that are not linear, by candidate."""

    linear: LinearModel
    models: Mapping[str, Model]
    weights: Mapping[str, float]

    def predict(self, features: Features) -> Lines:
        """Predicted effect for raw features."""
        # By name, because arrays that come back from a file have no other order.
        parts = (self.weights[name] * self.models[name].predict(features) for name in sorted(self.models))
        return sum(parts, start=self.linear.predict(features))

    def arrays(self) -> Arrays:
        """Those of `linear`, and `CANDIDATE/ARRAY` and `CANDIDATE/` (its weight) of the others.

        float64 arrays that are float32 as well (training expression) are kept as that, half the size, under
        a name that ends in `~`.
        """
        arrays = dict(self.linear.arrays())
        for name, model in self.models.items():
            arrays[f"{name}/"] = np.array([self.weights[name]])
            arrays |= dict(_narrow(f"{name}/{key}", array) for key, array in model.arrays().items())
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], restore: Callable[[str, Mapping[str, np.ndarray]], Model]
    ) -> "StackModel":
        """The model that `arrays` was taken of; `restore` brings back a candidate's own."""
        names = [key.removesuffix("/") for key in arrays if key.endswith("/")]
        own = {name: _own(name, arrays) for name in sorted(names)}
        weights = {name: float(each.pop("")[0]) for name, each in own.items()}
        models = {name: restore(name, each) for name, each in own.items()}
        return cls(LinearModel.from_arrays(arrays), models, weights)


def _own(name: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays of one candidate, as it named them, and its weight as ""."""
    own = {key.removeprefix(f"{name}/"): a for key, a in arrays.items() if key.startswith(f"{name}/")}
    return {
        key.removesuffix(NARROW): a.astype(np.float64) if key.endswith(NARROW) else a
        for key, a in own.items()
    }


def _narrow(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """As float32, where that loses nothing."""
    if array.dtype == np.float64:
        with np.errstate(all="ignore"):
            narrow = array.astype(np.float32)
        if np.array_equal(narrow, array):
            return name + NARROW, narrow
    return name, array
