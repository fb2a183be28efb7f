"""Multitask reduced-rank ridge regression on a kernel of cell lines: all targets from a few components.

Ridge regression of all targets together with one penalty, then the coefficients of rank r that minimise the
same penalised squared error: those of the ridge projected onto the first r right singular vectors of its fit
to the data extended by the penalty (Izenman, J. Multivariate Analysis 1975; Mukherjee and Zhu, Statistical
Analysis and Data Mining 2011). With eigenvectors V and eigenvalues s of the kernel and M = D V'Y = U S W',
D^2 = s / (s + penalty), the fit is (V D U_r) (U_r' M): scores of the lines on r components, times each
target's loadings. So the targets enter through M M' alone, lines x lines, and every rank costs the same one
decomposition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from modeling.folds import Fold
from modeling.kernels.kernels import half_decades
from modeling.kernels.ridge import Spectrum, spectrum_of, tiled_product
from modeling.selection.association import one_blas_thread

PENALTIES = half_decades(2.0, -0.5)  # relative to the kernel's mean eigenvalue, as in `kernels.ridge`


@dataclass(frozen=True, eq=False)
class Components:
    """What all targets share: `rank` directions in which expression predicts them.

    Attributes:
        dual: a new line's scores are (its kernel with the training lines - `means`) @ `dual`.
        means: mean over training lines of each row of the kernel as it came.
        scores: the training lines' own; each column sums to zero.
        penalty: relative to the kernel's mean eigenvalue.
    """

    dual: Float64[np.ndarray, "train rank"]
    means: Float64[np.ndarray, " train"]
    scores: Float64[np.ndarray, "train rank"]
    penalty: float

    @property
    def rank(self) -> int:
        """How many there are."""
        return self.dual.shape[1]


@dataclass(frozen=True, eq=False)
class Loadings:
    """Of targets measured on the same lines: a prediction is `mean` + (scores - `centre`) @ `weights`."""

    mean: Float64[np.ndarray, " targets"]
    centre: Float64[np.ndarray, " rank"]
    weights: Float64[np.ndarray, "rank targets"]

    def predict(self, scores: Float64[np.ndarray, "new rank"]) -> Float64[np.ndarray, "new targets"]:
        """Predictions for new lines from their scores on the components."""
        return tiled_product(scores - self.centre, self.weights) + self.mean


@dataclass(frozen=True, eq=False)
class Chosen:
    """The penalty and rank with the smallest squared error on inner folds; `errors` of every pair, relative
    to predicting each target's training mean; `errors[:, 0]` is rank 1."""

    penalty: float
    rank: int
    errors: Float64[np.ndarray, "penalties ranks"]


def choose_penalty_and_rank(
    kernel: Float64[np.ndarray, "lines lines"],
    effects: Float64[np.ndarray, "lines targets"],
    inner: Sequence[Fold],
    penalties: Float64[np.ndarray, " penalties"] = PENALTIES,
) -> Chosen:
    """Every penalty and every rank that the inner folds allow, by the squared error over all targets.

    Of equal errors the largest penalty wins, then the lowest rank. Nothing may be missing. Where nothing can
    be learned (no target varies, or all lines are alike) the rank is 0.
    """
    most = min(len(fold.train) for fold in inner) - 1
    errors, of_mean = np.zeros((len(penalties), most)), 0.0
    with one_blas_thread():
        for fold in inner:
            added, mean_error = _inner_errors(kernel, effects, fold, penalties)
            kept = min(most, added.shape[1])
            errors[:, :kept] += added[:, :kept]
            errors[:, kept:] += added[:, kept - 1 : kept] if kept else 0.0
            of_mean += mean_error
    relative = 1.0 + errors / (of_mean or 1.0)
    place, rank = divmod(int(relative.argmin()), most)
    learned = bool(relative[place, rank] < 1.0)
    return Chosen(float(penalties[place]), rank + 1 if learned else 0, relative)


def _inner_errors(
    kernel: Float64[np.ndarray, "lines lines"],
    effects: Float64[np.ndarray, "lines targets"],
    fold: Fold,
    penalties: Float64[np.ndarray, " penalties"],
) -> tuple[Float64[np.ndarray, "penalties ranks"], float]:
    """Squared error on an inner fold's test lines less that of the training mean, and the latter.

    Summed over targets without predicting one: with scores Q of the test lines and loadings L, whose rows are
    orthogonal with squared norms w, it is -2 <Q, Y L'> + sum of w times the squared norms of Q's columns.
    """
    spectrum = spectrum_of(kernel[np.ix_(fold.train, fold.train)])
    mean = effects[fold.train].mean(axis=0)
    directions = _Directions.of(spectrum, effects[fold.train] - mean)
    held_out = effects[fold.test] - mean
    with_test = held_out @ directions.projected.T
    between = kernel[np.ix_(fold.test, fold.train)] - spectrum.means
    rows = []
    for penalty in penalties:
        strength, along, shrink = directions.at(float(penalty))
        scores = between @ directions.dual(float(penalty), along)
        agreement = ((with_test * shrink) @ along * scores).sum(axis=0)
        rows.append(np.cumsum(strength * np.square(scores).sum(axis=0) - 2.0 * agreement))
    return np.array(rows), float(np.square(held_out).sum())


def shared_components(
    spectrum: Spectrum, effects: Float64[np.ndarray, "lines targets"], penalty: float, rank: int
) -> Components:
    """The first `rank` components of the targets' ridge fit (fewer, where they span less)."""
    with one_blas_thread():
        directions = _Directions.of(spectrum, effects - effects.mean(axis=0))
        _, along, shrink = directions.at(penalty)
        along = np.ascontiguousarray(along[:, :rank])
        dual = directions.dual(penalty, along)
        scores = (directions.vectors * shrink) @ along
    return Components(dual, spectrum.means, scores, penalty)


def fit_loadings(
    components: Components,
    effects: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> Loadings:
    """Loadings of targets that are measured on the `present` training lines alone.

    They minimise the penalised squared error over those lines, the components being what they are; where no
    line is missing that is the fit of the reduced rank itself. A target's numbers do not depend on which
    others come with it.
    """
    mean = np.array([float(np.mean(y)) for y in effects.T])
    scores = components.scores
    if present.all():
        return Loadings(mean, np.zeros(components.rank), tiled_product(scores.T, effects - mean))
    with one_blas_thread():
        own = scores[present]
        centre = own.mean(axis=0)
        own = own - centre
        # With all lines, scores' scores + the penalty's part is the identity: that part stays as it is.
        system = own.T @ own + np.eye(components.rank) - scores.T @ scores
        solved = np.linalg.inv(system) @ own.T
    return Loadings(mean, centre, tiled_product(solved, effects - mean))


@dataclass(frozen=True, eq=False)
class _Directions:
    """Eigenvectors with an eigenvalue above zero, and the targets' parts along them and between them."""

    vectors: Float64[np.ndarray, "lines rest"]
    values: Float64[np.ndarray, " rest"]
    projected: Float64[np.ndarray, "rest targets"]
    gram: Float64[np.ndarray, "rest rest"]
    scale: float

    @classmethod
    def of(cls, spectrum: Spectrum, centred: Float64[np.ndarray, "lines targets"]) -> "_Directions":
        kept = spectrum.values > 0
        vectors = np.ascontiguousarray(spectrum.vectors[:, kept])
        projected = vectors.T @ centred
        return cls(vectors, spectrum.values[kept], projected, projected @ projected.T, spectrum.scale)

    def at(
        self, penalty: float
    ) -> tuple[Float64[np.ndarray, " rank"], Float64[np.ndarray, "rest rank"], Float64[np.ndarray, " rest"]]:
        """Squared singular values of M, largest first, its left singular vectors, and the diagonal of D."""
        shrink = np.sqrt(self.values / (self.values + penalty))
        strength, along = np.linalg.eigh(shrink[:, None] * self.gram * shrink)
        strength, along = strength[::-1], along[:, ::-1]
        above = strength > len(strength) * np.finfo(float).eps * max(strength.max(initial=0.0), 0.0)
        return strength[above], along[:, above], shrink

    def dual(
        self, penalty: float, along: Float64[np.ndarray, "rest rank"]
    ) -> Float64[np.ndarray, "lines rank"]:
        """What gives a line's scores from its centred kernel."""
        return (self.vectors / np.sqrt(self.values * (self.values + penalty))) @ along / self.scale
