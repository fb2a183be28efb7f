"""Cell lines compared as method `best` does it, and its inner folds: all from a fold's training lines."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.folds import Fold
from modeling.kernels.distances import Scaling, log2_scaling_of, mean_distances, standardised
from modeling.seeds import generator
from tasks.fitting.fold import MethodSettings, Panel

INNER_FOLDS = 3


class ComparedLines(NamedTuple):
    """Distances between a fold's training lines, and of its test lines to them: mean |difference| over genes.

    In log2 units, divided by the mean standard deviation of the genes that vary: a gene counts as much as it
    varies, because what barely varies is mostly noise.
    """

    within: Float64[np.ndarray, "train train"]
    new: Float64[np.ndarray, "test train"]


def compare_lines(panel: Panel, fold: Fold) -> ComparedLines:
    """Compare a fold's lines; the training lines alone decide which genes count and how much."""
    scaling, train, counted = _training_lines(panel, fold)
    test = standardised(panel.expression[fold.test], scaling)
    return ComparedLines(mean_distances(train, None, counted), mean_distances(test, train, counted))


def compare_training_lines(panel: Panel, fold: Fold) -> Float64[np.ndarray, "train train"]:
    """`ComparedLines.within`, where nobody asks for the test lines."""
    _, train, counted = _training_lines(panel, fold)
    return mean_distances(train, None, counted)


def _training_lines(panel: Panel, fold: Fold) -> tuple[Scaling, Float32[np.ndarray, "train genes"], int]:
    """How lines are standardised, the training lines so, and how many genes count."""
    scaling = log2_scaling_of(panel.expression[fold.train])
    return scaling, standardised(panel.expression[fold.train], scaling), int(scaling.varies.sum())


def inner_rows(lines: int, settings: MethodSettings, fold: Fold) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and validation rows of the inner folds; both sorted."""
    drawn = generator(settings.seed, settings.method, fold.number, "inner folds").permutation(lines)
    parts = [np.sort(part) for part in np.array_split(drawn, INNER_FOLDS)]
    return [(np.setdiff1d(np.arange(lines), part), part) for part in parts]


def gate_order(lines: int, settings: MethodSettings, fold: Fold) -> Int64[np.ndarray, " lines"]:
    """The shuffled lines that the gate's inner folds are cut from."""
    return generator(settings.seed, settings.method, fold.number, "gate").permutation(lines)
