"""The kernels of the all-gene baselines: linear, and Laplacian with two parameters chosen by leave-one-out.

Both start from one number for each pair of lines (`kernels.distances`): the mean over genes of z z' or
of |z - z'|, z the expression standardised on the training lines.

Penalties are relative to a kernel of mean eigenvalue 1, the largest first (of equal errors it wins). The
largest is the largest that still lowered the error of predictions on real data: with larger ones, targets
that barely follow expression get the training mean in some folds and a model's in others, which costs
correlation and gains nothing.
"""

from dataclasses import asdict, dataclass
from itertools import product
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float32, Float64

from modeling.kernels.distances import Counted, mean_distances, mean_products
from modeling.kernels.ridge import Spectrum, smallest_errors, smallest_errors_between, spectrum_of

StandardisedLines: TypeAlias = Float32[np.ndarray, "_ genes"]  # standardised expression


def half_decades(highest: float, lowest: float) -> Float64[np.ndarray, " penalties"]:
    """Powers of ten from the highest exponent down to the lowest, half a decade apart."""
    return 10.0 ** np.linspace(highest, lowest, round(2 * (highest - lowest)) + 1)


# exp(-t^p) of an L1 distance t is positive semidefinite for p <= 1 only.
SCALES = (0.125, 0.25, 0.5, 1.0)
POWERS = (0.5, 0.7, 1.0)
MOST_TARGETS = 1024  # the kernel is chosen on at most so many targets, evenly spread
FEWEST_TARGETS = 10  # and not at all on fewer: their noise would choose


@dataclass(frozen=True)
class Linear:
    """K = mean over genes of z z': ridge regression on all genes."""

    name: ClassVar[str] = "ridge"
    penalties: ClassVar[np.ndarray] = half_decades(1.5, -2.0)

    def parameters(self) -> dict[str, float]:
        """None."""
        return {}

    def between(
        self,
        left: StandardisedLines,
        right: StandardisedLines | None = None,
        counted: Counted = None,
    ) -> Float64[np.ndarray, "..."]:
        """What `of` makes a kernel from; arguments as of `mean_products`."""
        return mean_products(left, right, counted)

    def of(self, between: Float64[np.ndarray, "left right"]) -> Float64[np.ndarray, "left right"]:
        """The kernel."""
        return between


@dataclass(frozen=True)
class Laplacian:
    """K = exp(-(mean over genes of |z - z'| / c)^p), 0 < p <= 1."""

    name: ClassVar[str] = "kernel"
    penalties: ClassVar[np.ndarray] = half_decades(0.5, -3.0)
    c: float = 0.25
    p: float = 0.7

    def parameters(self) -> dict[str, float]:
        """`c` and `p`."""
        return asdict(self)

    def between(
        self,
        left: StandardisedLines,
        right: StandardisedLines | None = None,
        counted: Counted = None,
    ) -> Float64[np.ndarray, "..."]:
        """What `of` makes a kernel from; arguments as of `mean_distances`."""
        return mean_distances(left, right, counted)

    def of(self, between: Float64[np.ndarray, "left right"]) -> Float64[np.ndarray, "left right"]:
        """The kernel."""
        return np.exp(-((between / self.c) ** self.p))


AnyKernel = Linear | Laplacian
KERNELS: dict[str, type[AnyKernel]] = {Linear.name: Linear, Laplacian.name: Laplacian}
GRID = tuple(Laplacian(c, p) for c, p in product(SCALES, POWERS))


def choose_laplacian(
    distances: Float64[np.ndarray, "lines lines"],
    effects: Float64[np.ndarray, "lines targets"],
    grid: tuple[Laplacian, ...] = GRID,
) -> Laplacian:
    """The kernel of the grid with the smallest leave-one-out errors (of equal ones the first).

    A target's error is its smallest mean squared one over all penalties, relative to its variance; targets
    count alike. Bounds on these decide where they can, which is a fraction of the work. More than
    `MOST_TARGETS` are thinned evenly; with fewer than `FEWEST_TARGETS` nothing is chosen and the default
    stands.

    Args:
        distances: between training lines.
        effects: of targets that vary, nothing missing.
    """
    if effects.shape[1] < FEWEST_TARGETS:
        return Laplacian()
    kept = np.unique(np.linspace(0, effects.shape[1] - 1, MOST_TARGETS).round().astype(np.int64))
    effects = effects[:, kept]
    variance = effects.var(axis=0)
    rivals = list[_Rival]()
    for kernel in grid:
        spectrum = spectrum_of(kernel.of(distances))
        bounds = smallest_errors_between(spectrum, effects, kernel.penalties)
        rivals.append(_Rival(kernel, spectrum, *(float(np.mean(bound / variance)) for bound in bounds)))
        smallest = min(rival.at_most for rival in rivals)
        # Mostly one or two of a dozen; a NaN stays.
        rivals = [rival for rival in rivals if not rival.at_least > smallest]
    if len(rivals) == 1:
        return rivals[0].kernel
    errors = [
        np.mean(smallest_errors(rival.spectrum, effects, rival.kernel.penalties) / variance)
        for rival in rivals
    ]
    return rivals[int(np.argmin(errors))].kernel


class _Rival(NamedTuple):
    """A kernel, and what its mean error is at least and at most."""

    kernel: Laplacian
    spectrum: Spectrum
    at_least: float
    at_most: float
