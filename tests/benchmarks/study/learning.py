"""How r grows with the number of training lines, and what more lines would give."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.folds import Fold
from modeling.seeds import generator

SHARES = (0.25, 0.5, 0.75, 1.0)
EXPONENTS = np.linspace(0.05, 2.0, 40)
STEEP, SLOW = 1.0, 0.05  # shapes that four points hardly tell apart; the second is nearly a logarithm


@dataclass(frozen=True)
class PowerLaw:
    """r = `top` - `drop` x lines ** -`exponent`."""

    top: float
    drop: float
    exponent: float

    def at(self, lines: float) -> float:
        """r at a number of training lines."""
        return self.top - self.drop * lines**-self.exponent


def fit_power_law(lines: Sequence[float], r: Sequence[float], exponents: np.ndarray = EXPONENTS) -> PowerLaw:
    """The least squares, the exponent among those given, `drop` not negative."""
    (top,), (drop,), (exponent,) = fit_power_laws(lines, np.array([r], dtype=np.float64), exponents)
    return PowerLaw(float(top), float(drop), float(exponent))


def fit_power_laws(
    lines: Sequence[float], r: np.ndarray, exponents: np.ndarray = EXPONENTS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same for each row of `r`: `top`, `drop` and `exponent` of each."""
    x = np.asarray(lines, dtype=np.float64) ** -exponents[:, None]  # exponents x lines
    middle = x.mean(axis=1, keepdims=True)
    y = r - r.mean(axis=1, keepdims=True)
    slope = y @ (x - middle).T / np.square(x - middle).sum(axis=1)  # rows x exponents
    drop = np.maximum(0.0, -slope)
    left = y[:, None, :] + drop[:, :, None] * (x - middle)
    best = np.square(left).sum(axis=2).argmin(axis=1)
    drop = drop[np.arange(len(r)), best]
    return r.mean(axis=1) + drop * middle[best, 0], drop, exponents[best]


@dataclass(frozen=True)
class Extrapolation:
    """r at `lines` training lines: the fit, the central 95 % of resampled lines, and with the exponent fixed
    at `STEEP` and at `SLOW`."""

    lines: float
    r: float
    low: float
    high: float
    steep: float
    slow: float


def extrapolate(lines: Sequence[float], r: Sequence[float], draws: np.ndarray, at: float) -> Extrapolation:
    """`draws`: draws x shares, the mean r of each resample at each number of lines."""
    top, drop, exponent = fit_power_laws(lines, draws)
    drawn = top - drop * at**-exponent
    low, high = np.quantile(drawn, [0.025, 0.975])
    centre = fit_power_law(lines, r).at(at)
    shift = centre - fit_power_law(lines, draws.mean(axis=0)).at(at)
    fixed = [fit_power_law(lines, r, np.array([exponent])).at(at) for exponent in (STEEP, SLOW)]
    return Extrapolation(at, centre, float(low) + shift, float(high) + shift, *fixed)


def thinned(fold: Fold, share: float, seed: int) -> Fold:
    """The fold with a share of its training lines; the smaller shares lie in the larger."""
    if share >= 1.0:
        return fold
    order = generator(seed, "learning curve", fold.number).permutation(fold.train)
    return replace(fold, train=np.sort(order[: round(share * len(order))]))
