"""Method `best` as a regressor of many targets at once."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from modeling.borrowing.gate import GateGenes, added_in_raw_units, gate_genes, raw_units
from modeling.borrowing.shared import PATTERN_TILE, fit_shared
from modeling.borrowing.stages import STAGES, InnerFold, View, view_of
from modeling.borrowing.teaching import INNER_SHARE, teaches, vary
from modeling.borrowing.tiles import fit_tile
from modeling.estimators.modifiers import seed_from
from modeling.folds import FINAL_FOLD
from modeling.kernels.distances import Scaling, log2_scaling_of, mean_distances, scaling_of, standardised
from modeling.kernels.kernels import FEWEST_TARGETS, Laplacian, choose_laplacian
from modeling.kernels.ridge import TILE_TARGETS, predict_by_kernel
from modeling.seeds import generator
from modeling.selection.association import one_blas_thread
from modeling.selection.prepared import group_by_missing

INNER_FOLDS = 3
FEWEST_LINES = 6  # in all
FEWEST_MEASURED = 30  # of a target that is not measured on all lines


class BestRegressor(RegressorMixin, BaseEstimator):
    """Kernel ridge regression on all genes that borrows between targets, and a few genes where they help.

    The final models that `knockcast run --method best --seed N` fits, by `random_state` N (docs/methods.md),
    for expression in log2(TPM+1). Targets are columns of y, NaN where not measured; the more there are, the
    more they teach each other (from ten on that vary: standard deviation above 0.1).
    Predictions stay within the range of a target's training effects. A target that is constant, or measured
    on fewer than 30 lines and not on all, is predicted by its mean.

    Lines that it learned from come out too strong: a gate adds what predictions of lines left out had missed,
    and of these lines little was missed. Judge it by others (`cross_val_predict`).

        BestRegressor().fit(expression, effects).predict(new_expression)

    Args:
        random_state: decides the inner folds that weigh predictions and open gates.

    Attributes:
        kernel_: the Laplacian kernel that was chosen; `c` and `p`.
        mix_: stages x targets, the shares of a target's own prediction, of the borrowed one and of the second
            kernel's; NaN for those predicted by their mean.
        gates_: genes (columns) whose expression is added to a target's prediction, an array a target.

    Raises:
        ValueError: fewer than six lines, an infinite value, a gene that is missing, a target without a value.
    """

    def __init__(self, random_state: Any = 0) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "BestRegressor":
        """Learn from lines x genes and lines x targets (or one effect a line)."""
        of_x = {"dtype": np.float32, "ensure_min_samples": FEWEST_LINES}
        of_y = {"dtype": np.float64, "ensure_2d": False, "ensure_all_finite": "allow-nan"}
        X, y = validate_data(self, X, y, validate_separately=(of_x, of_y))
        check_consistent_length(X, y)
        self._one = y.ndim == 1
        effects = np.ascontiguousarray(y.reshape(len(y), -1))
        nowhere = np.flatnonzero(np.isnan(effects).all(axis=0))
        if nowhere.size:
            raise ValueError(
                f"y: column {nowhere[0]} ({nowhere.size} in all) is measured on no line: leave it out"
            )
        with one_blas_thread():
            learned = _learn(X, effects, seed_from(self.random_state))
            self._expression, self._scaling, self.kernel_ = X, learned.scaling, learned.kernel
            self._fit_targets(learned, effects)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Effects predicted for lines x genes: lines x targets, or one a line as y was."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        train, new = (standardised(rows, self._scaling) for rows in (self._expression, X))
        distances = mean_distances(new, train, int(self._scaling.varies.sum()))
        out = predict_by_kernel(self.kernel_.of(distances), self._dual, self._intercept)
        for target, (genes, weights, centre) in enumerate(self._gates):
            if len(genes):
                out[:, target] += added_in_raw_units(X[:, genes], weights, centre)
        out = np.clip(out, self._low, self._high)
        return out[:, 0] if self._one else out

    def _fit_targets(self, learned: "_Learned", effects: Float64[np.ndarray, "lines targets"]) -> None:
        lines, targets = effects.shape
        known = ~np.isnan(effects)
        count, mean = known.sum(axis=0), np.nanmean(effects, axis=0)
        low = np.where(known, effects, np.inf).min(axis=0)
        high = np.where(known, effects, -np.inf).max(axis=0)
        varies = (low < high) & ((count == lines) | (count >= FEWEST_MEASURED))
        self._low, self._high = np.where(varies, low, mean), np.where(varies, high, mean)
        self._intercept, self._dual = mean, np.zeros((lines, targets))
        self.mix_ = np.full((len(STAGES), targets), np.nan)
        self._gates = [_Added.nothing()] * targets
        for present, columns, tile in _tiles(effects, np.flatnonzero(varies)):
            self._fit_tile(learned.of(present), present, columns, tile)
        self.gates_ = [added.genes for added in self._gates]

    def _fit_tile(
        self,
        learned: "_Learned",
        present: Bool[np.ndarray, " lines"],
        columns: Int64[np.ndarray, " some"],
        tile: Float64[np.ndarray, "lines tile"],
    ) -> None:
        fits = fit_tile(learned.view, learned.inner, learned.genes, tile, present, learned.borrows)
        mine = slice(len(columns))
        self._intercept[columns], self._dual[:, columns] = fits.intercept[mine], fits.dual[:, mine]
        self.mix_[:, columns] = fits.weights[:, mine]
        for target, gate in zip(columns, fits.gates, strict=False):  # the tile is filled up
            weights, centre = raw_units(gate, learned.each.mean, learned.each.inverse)
            self._gates[target] = _Added(gate.genes, weights, centre)

    def __sklearn_tags__(self) -> Tags:
        """Many targets at once."""
        tags: Tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class _Added(NamedTuple):
    """What a gate adds, for expression as it comes."""

    genes: Int64[np.ndarray, " k"]
    weights: Float64[np.ndarray, " k"]
    centre: Float64[np.ndarray, " k"]

    @classmethod
    def nothing(cls) -> "_Added":
        return cls(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


class _Learned(NamedTuple):
    """What all targets teach together: lines compared, kernels decomposed, genes for gates.

    `scaling` compares lines in log2 units; `each` standardises genes.
    """

    kernel: Laplacian
    scaling: Scaling
    each: Scaling
    view: View
    inner: tuple[InnerFold, ...]
    genes: GateGenes
    borrows: bool

    def of(self, present: Bool[np.ndarray, " lines"]) -> "_Learned":
        inner = tuple(each.of(present) for each in self.inner)
        return self._replace(view=self.view.of(present), inner=inner, genes=self.genes.of(present))


def _learn(
    expression: Float32[np.ndarray, "lines genes"], effects: Float64[np.ndarray, "lines targets"], seed: int
) -> _Learned:
    lines = len(expression)
    scaling, each = log2_scaling_of(expression), scaling_of(expression)
    distances = mean_distances(standardised(expression, scaling), None, int(scaling.varies.sum()))
    teachers = effects[:, vary(effects) & teaches(effects)]
    kernel = choose_laplacian(distances, teachers[:, np.isfinite(teachers).all(axis=0)])
    within, none = kernel.of(distances), np.empty((0, lines))
    drawn = generator(seed, "best", FINAL_FOLD, "inner folds").permutation(lines)
    inner = []
    for part in np.array_split(drawn, INNER_FOLDS):
        held = np.sort(part)
        train = np.setdiff1d(np.arange(lines), held)
        taught = teachers[train]
        shared = fit_shared(within[np.ix_(train, train)], taught[:, teaches(taught, INNER_SHARE)])
        view = view_of(within[np.ix_(train, train)], within[np.ix_(held, train)], shared)
        inner.append(InnerFold(train, held, view))
    order = generator(seed, "best", FINAL_FOLD, "gate").permutation(lines)
    genes = gate_genes(standardised(expression, each), order)
    whole = view_of(within, none, fit_shared(within, teachers))
    return _Learned(kernel, scaling, each, whole, tuple(inner), genes, teachers.shape[1] >= FEWEST_TARGETS)


def _tiles(
    effects: Float64[np.ndarray, "lines targets"], targets: Int64[np.ndarray, " some"]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Lines, columns and effects of targets measured on the same lines, in tiles of one width, 0 beside."""
    for present, members in group_by_missing(effects[:, targets]):
        width = TILE_TARGETS if present.all() else PATTERN_TILE
        for start in range(0, len(members), width):
            columns = targets[members[start : start + width]]
            tile = np.zeros((len(effects), width))
            tile[np.ix_(present, np.arange(len(columns)))] = effects[np.ix_(present, columns)]
            yield present, columns, tile
