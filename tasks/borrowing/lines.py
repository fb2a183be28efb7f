"""Cell lines compared as method `best` does it, and its inner folds: all from a fold's training lines."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from modeling.folds import Fold
from modeling.kernels.distances import Scaling, log2_scaling_of, mean_distances, standardised
from modeling.seeds import generator
from tasks.fitting.fold import MethodSettings, Panel

INNER_FOLDS = 3


@dataclass(frozen=True, eq=False)
class ComparedLines:
    """Distances between a fold's training lines, and of its test lines to them: mean |difference| over genes.

    In log2 units, divided by the mean standard deviation of the genes that vary: a gene counts as much as it
    varies, because what barely varies is mostly noise.
    """

    scaling: Scaling
    within: Float64[np.ndarray, "train train"]
    new: Float64[np.ndarray, "test train"]


def compare_lines(panel: Panel, fold: Fold) -> ComparedLines:
    """Compare a fold's lines; the training lines alone decide which genes count and how much."""
    scaling = log2_scaling_of(panel.expression[fold.train])
    train = standardised(panel.expression[fold.train], scaling)
    test = standardised(panel.expression[fold.test], scaling)
    counted = int(scaling.varies.sum())
    return ComparedLines(scaling, mean_distances(train, None, counted), mean_distances(test, train, counted))


def inner_rows(lines: int, settings: MethodSettings, fold: Fold) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and validation rows of the inner folds; both sorted."""
    drawn = generator(settings.seed, settings.method, fold.number, "inner folds").permutation(lines)
    parts = [np.sort(part) for part in np.array_split(drawn, INNER_FOLDS)]
    return [(np.setdiff1d(np.arange(lines), part), part) for part in parts]


def gate_order(lines: int, settings: MethodSettings, fold: Fold) -> Int64[np.ndarray, " lines"]:
    """The shuffled lines that the gate's inner folds are cut from."""
    return generator(settings.seed, settings.method, fold.number, "gate").permutation(lines)
