"""The mean of several candidates' predictions, as a candidate of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from modeling.candidates.base import Candidate, fit_on_all
from modeling.candidates.boosting import Boosting
from modeling.candidates.fitted import Arrays, Fitted, Model, Parameter, failed
from modeling.candidates.mlp.deep import Deep
from modeling.candidates.problem import Problem

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class MeanModel:
    """Models by their candidates' names; each counts alike."""

    parts: Mapping[str, Model]

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Mean of the parts' predictions for raw features."""
        predictions = [model.predict(features) for model in self.parts.values()]
        mean: Float64[np.ndarray, " lines"] = np.mean(predictions, axis=0)
        return mean

    def arrays(self) -> Arrays:
        """Every part's arrays, as `<part>.<array>`."""
        return {f"{name}.{key}": a for name, part in self.parts.items() for key, a in part.arrays().items()}


@dataclass(frozen=True)
class Mean:
    """The mean of what `parts` predict (xgboost and deep: the published figure 3F).

    Parameters are the parts' own, as `<part>.<parameter>`. It fails where a part fails.
    """

    name: str
    parts: tuple[Candidate, ...]

    @property
    def summary(self) -> str:
        """Which candidates it is the mean of."""
        return f"mean of {' and '.join(part.name for part in self.parts)}"

    def restore(self, arrays: Mapping[str, np.ndarray]) -> MeanModel:
        """Every part restored from its own arrays."""
        return MeanModel({part.name: part.restore(_of_part(arrays, part.name)) for part in self.parts})

    def fit_seconds(self, n_lines: float | int) -> float:
        """The sum of the parts'."""
        return sum(part.fit_seconds(n_lines) for part in self.parts)

    def on(self, device: str) -> "Mean":
        """Every part on that device."""
        return replace(self, parts=tuple(part.on(device) for part in self.parts))

    def fit(self, problems: Sequence[Problem]) -> list[Fitted]:
        """Fit every part to every problem."""
        return self._joined([part.fit(problems) for part in self.parts])

    def refit(self, problems: Sequence[Problem], trials: Sequence[Mapping[str, Parameter]]) -> list[Fitted]:
        """Fit every part on all lines, each from its own trial's parameters."""
        return self._joined(
            [fit_on_all(part, problems, [_of_part(t, part.name) for t in trials]) for part in self.parts]
        )

    def _joined(self, columns: Sequence[Sequence[Fitted]]) -> list[Fitted]:
        return [self._mean_of(fits) for fits in zip(*columns, strict=True)]

    def _mean_of(self, fits: Sequence[Fitted]) -> Fitted:
        models = {fit.candidate: fit.model for fit in fits if fit.model is not None}
        reason = "; ".join(f"{fit.candidate}: {fit.reason}" for fit in fits if fit.reason)
        if len(models) < len(fits):
            return failed(self.name, reason)
        parameters = {f"{f.candidate}.{key}": value for f in fits for key, value in f.parameters.items()}
        stuck = any(fit.status == "not_converged" for fit in fits)
        return Fitted(self.name, MeanModel(models), parameters, "not_converged" if stuck else "ok", reason)


def _of_part(named: Mapping[str, Value], part: str) -> dict[str, Value]:
    prefix = f"{part}."
    return {key.removeprefix(prefix): value for key, value in named.items() if key.startswith(prefix)}


CANDIDATES = (Mean("xgboost+deep", (Boosting(), Deep())),)
