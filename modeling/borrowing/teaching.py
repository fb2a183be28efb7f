"""Which targets of some training lines teach the others."""

import numpy as np
from jaxtyping import Bool, Float

VARIABLE_SD = 0.1  # of the effect, from which on a target varies (Itzhacky and Sharan, 2021)
SPREAD_TILE = 2048  # targets whose spread is computed at once, in float64
MEASURED_SHARE = 0.75  # of the training lines: a target measured on fewer teaches nothing to others
INNER_SHARE = 0.5  # the same of an inner fold's lines


def vary(effects: Float[np.ndarray, "lines targets"]) -> Bool[np.ndarray, " targets"]:
    """Standard deviation above 0.1, n - 1 below; not of fewer than two values, nor with an infinite one."""
    spread = np.zeros(effects.shape[1])
    for tile in range(0, len(spread), SPREAD_TILE):
        part = effects[:, tile : tile + SPREAD_TILE].astype(np.float64)
        sound = np.flatnonzero((np.isfinite(part).sum(axis=0) > 1) & ~np.isinf(part).any(axis=0))
        spread[tile + sound] = np.nanstd(part[:, sound], axis=0, ddof=1)
    found: np.ndarray = spread > VARIABLE_SD
    return found


def teaches(
    effects: Float[np.ndarray, "lines targets"], share: float = MEASURED_SHARE
) -> Bool[np.ndarray, " targets"]:
    """Measured on this share of the lines at least, not constant there, nowhere infinite; NaN is missing."""
    known = ~np.isnan(effects)
    enough = known.sum(axis=0) >= share * len(effects)
    low = np.where(known, effects, np.inf).min(axis=0)
    high = np.where(known, effects, -np.inf).max(axis=0)
    found: np.ndarray = enough & (low < high) & ~np.isinf(effects).any(axis=0)
    return found
