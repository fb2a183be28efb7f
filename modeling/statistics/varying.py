"""When numbers count as constant."""

import numpy as np
from jaxtyping import Float

# A thousand roundings of float64, yet far below any measured difference.
CONSTANT_TOLERANCE = 1e-12


def varies(values: Float[np.ndarray, " lines"]) -> bool:
    """Whether values differ by more than rounding: range > 1e-12 × the largest magnitude. False for none."""
    if values.size == 0:
        return False
    low, high = float(values.min()), float(values.max())
    return high - low > CONSTANT_TOLERANCE * max(abs(low), abs(high))
