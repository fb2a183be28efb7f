"""Which targets of some training lines teach the others."""

import numpy as np
from jaxtyping import Bool, Float

MEASURED_SHARE = 0.75  # of the training lines: a target measured on fewer teaches nothing to others
INNER_SHARE = 0.5  # the same of an inner fold's lines


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
