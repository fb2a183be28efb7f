"""How far off a method's out-of-fold predictions were, and what that says of a new sample's predictions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float64

from cluster.results.filling import Made
from cluster.views.out_of_fold import OutOfFold, Spans
from modeling.statistics.conformal import bands_of

ROUNDING = 1e-9  # relative
Values = Float64[np.ndarray, " samples"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """One method's out-of-fold predictions and measured values, target after target; none is missing.

    `spans` says where a target's are, and `trust` is each target's pooled out-of-fold r. Predictions are
    moved by what the final model's training mean is above their fold's: a model that says hardly more than
    a mean would otherwise be judged by five means that are not its own, and where measured values repeat
    (levels), be all wrong or all right.
    """

    spans: Spans
    predicted: Float64[np.ndarray, " rows"]
    measured: Float64[np.ndarray, " rows"]
    trust: dict[str, float]

    def half_width(self, target: str, values: Values, level: float) -> Values:
        """Half the width of each prediction's interval (`statistics.conformal`); NaN where there is none.

        A hair more, lest rounding cut off a measured value that lies exactly on an end.
        """
        predicted, measured = self._of(target)
        order = np.argsort(predicted, kind="stable")
        half = bands_of(predicted[order], measured[order], level).half_width(values)
        return half + ROUNDING * (half + np.abs(values))

    def percentile(self, target: str, values: Values, low_is_strong: bool) -> Values:
        """Percent of the training lines that are predicted weaker, equal ones counted half.

        Their predictions are those out of fold: new samples' are drawn to the mean as much. NaN without any.
        """
        ordered = np.sort(self._of(target)[0])
        if not len(ordered):
            return np.full(len(values), np.nan)
        below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
        share = 50.0 * (below + upto) / len(ordered)
        return np.where(np.isnan(values), np.nan, 100.0 - share if low_is_strong else share)

    def _of(self, target: str) -> tuple[Float64[np.ndarray, " lines"], Float64[np.ndarray, " lines"]]:
        here = self.spans.of(target)
        return self.predicted[here], self.measured[here]


def calibration_of(rows: OutOfFold, genes: pa.Table, final_mean: Mapping[str, float]) -> Calibration:
    """From out-of-fold predictions, the rows of `genes` made of them, and final models' training means."""
    known = ~(np.isnan(rows.measured) | np.isnan(rows.predicted))
    codes = rows.codes[known]
    mean = np.array([final_mean.get(target, np.nan) for target in rows.targets])
    predicted = rows.predicted[known] + np.nan_to_num(mean[codes] - rows.fold_mean[known])
    return Calibration(
        Spans.among(rows.targets, codes),
        predicted,
        rows.measured[known],
        dict(
            zip(genes.column("target").to_pylist(), genes.column("pearson_pooled").to_pylist(), strict=True)
        ),
    )


def intervals(
    made: Made, calibrations: Mapping[str, Calibration], level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Low and high ends for all predictions, each from the errors of the method that made it."""
    half = np.full(made.predicted.shape, np.nan)
    for method, counts in made.samples_by_method().items():
        at, calibration = made.methods.index(str(method)), calibrations[str(method)]
        for column in np.flatnonzero(counts.to_numpy()):
            mine = made.made_by[:, column] == at
            values = made.predicted[mine, column]
            half[mine, column] = calibration.half_width(made.targets[column], values, level)
    return made.frame(made.predicted - half), made.frame(made.predicted + half)
