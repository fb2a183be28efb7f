"""What a prediction must beat, for the targets of one shard."""

from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from modeling.statistics.baselines import LineageMeans, own_expression
from modeling.statistics.confounders import ConfounderDesign, confounder_design
from tasks.fitting.fold import Panel

Targets = Int64[np.ndarray, " targets"]
Rows = Int64[np.ndarray, " lines"]
Predicted = Float64[np.ndarray, "targets test"]


class Baselines:
    """Predictions that need no model, of one panel; targets of the same lines share what these decide."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._last: _OfLines | None = None

    def of(
        self, targets: Targets, effect: Float64[np.ndarray, "targets train"], train: Rows, test: Rows
    ) -> dict[str, Predicted]:
        """By column of `predictions`: from the lineage, the target's own expression, and covariates.

        For test lines, learned on the effect of training lines that all targets have; NaN where the target's
        expression is not known, and where the dataset has no covariates.
        """
        lines = self._of_lines(train, test)
        return {
            "predicted_lineage": lines.lineage_means.predict(effect),
            "predicted_own": self._by_own_expression(targets, effect, train, test),
            "predicted_confounders": lines.by_confounders(effect),
        }

    def names(self, train: Rows, test: Rows) -> np.ndarray:
        """The test lines' ids."""
        return self._of_lines(train, test).names

    def _of_lines(self, train: Rows, test: Rows) -> "_OfLines":
        if self._last is None or not self._last.is_of(train, test):
            self._last = _OfLines(self._panel, train, test)
        return self._last

    def _by_own_expression(
        self, targets: Targets, effect: Float64[np.ndarray, "targets train"], train: Rows, test: Rows
    ) -> Predicted:
        own = self._panel.own[targets]
        known = np.flatnonzero(own >= 0)
        x = self._panel.expression[:, own[known]].T
        predicted = np.full((len(targets), len(test)), np.nan)
        predicted[known] = own_expression(x[:, train], effect[known], x[:, test])
        return predicted


class _OfLines:
    """What training and test lines decide, whatever was measured on them."""

    def __init__(self, panel: Panel, train: Rows, test: Rows) -> None:
        self._panel, self._train, self._test = panel, train, test

    def is_of(self, train: Rows, test: Rows) -> bool:
        """Whether these are its lines."""
        return _same(train, self._train) and _same(test, self._test)

    @cached_property
    def names(self) -> np.ndarray:
        """The test lines' ids."""
        return np.array([self._panel.cell_lines[i] for i in self._test], dtype=object)

    @cached_property
    def lineage_means(self) -> LineageMeans:
        """Of their lineages."""
        return LineageMeans(self._panel.lineages[self._train], self._panel.lineages[self._test])

    def by_confounders(self, effect: Float64[np.ndarray, "targets train"]) -> Predicted:
        """What the dataset's covariates alone predict from the training lines' effect."""
        if self._panel.covariates is None:
            return np.full((len(effect), len(self._test)), np.nan)
        return self._design.predict(effect, self._panel.covariates[self._test])

    @cached_property
    def _design(self) -> ConfounderDesign:
        return confounder_design(np.asarray(self._panel.covariates)[self._train])


def _same(one: Rows, other: Rows) -> bool:
    return one is other or np.array_equal(one, other)
