"""How well the strongest of many things are found: one list of measured values against one of predicted ones.

Equal values have no order: each tied thing stands at every place of the tie equally often. Nothing depends on
the order in which things are given.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

TOP = 10
FEWEST = 20  # things in a list; of fewer the ten strongest are most of them

Values = Float[np.ndarray, " things"]


@dataclass(frozen=True)
class Ranked:
    """NDCG of a list's first places, that of a random order, and the share of the strongest found there.

    NaN: all for lists under `FEWEST`, the first two where nothing measured is above 0.
    """

    ndcg: float
    chance: float
    found: float


def ranked(measured: Values, predicted: Values, top: int = TOP) -> Ranked:
    """Compare the `top` places of two lists of strengths (higher: stronger, 0: as usual), without gaps.

    NDCG (as `sklearn.metrics.ndcg_score`, ties averaged): gains are the measured strengths, 0 where below 0,
    each divided by log2(place + 1); their sum in the predicted order over that in the measured one. The share
    found is of the `top` strongest measured, how many are among the `top` strongest predicted.
    """
    if len(measured) < FEWEST:
        return Ranked(np.nan, np.nan, np.nan)
    gains = np.maximum(measured, 0.0)
    ideal = _discounted(gains, gains, top)
    found = float(_membership(measured, top) @ _membership(predicted, top)) / top
    if ideal == 0:
        return Ranked(np.nan, np.nan, found)
    shuffled = float(gains.mean()) * float(_discounts(top)[-1])
    return Ranked(_discounted(gains, predicted, top) / ideal, shuffled / ideal, found)


def _discounts(top: int) -> Values:
    """The sum of the first places' discounts, for 0, 1, ... `top` of them."""
    return np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2.0, top + 2)))])


def _discounted(gains: Values, by: Values, top: int) -> float:
    """The discounted sum of the gains at the first places when sorted by `by`, highest first."""
    kept = by >= _last_in(by, top)
    _, tie, sizes = np.unique(-by[kept], return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    upto = _discounts(top)
    share = upto[np.minimum(ends, top)] - upto[np.minimum(ends - sizes, top)]
    return float(np.bincount(tie, weights=gains[kept]) / sizes @ share)


def _membership(values: Values, top: int) -> Values:
    """How surely each is among the `top` highest: 1, 0, or for those tied at the border the places left."""
    last = _last_in(values, top)
    above, tied = values > last, values == last
    return above + tied * ((top - above.sum()) / tied.sum())


def _last_in(values: Values, top: int) -> float:
    return float(np.partition(values, len(values) - top)[len(values) - top])
