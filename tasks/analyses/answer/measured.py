"""What the measured effects alone say of a target: how selective it is, and which targets go with it."""

import numpy as np
from jaxtyping import Float, Float64, Int64

from modeling.statistics.metrics import CONSTANT_TOLERANCE
from tasks.analyses.answer.evidence import Selectivity
from tasks.dataset.target_facts import classify, is_dependent

FEWEST_LINES = 30  # measured of both targets, for their r to count
TILE = 256  # targets at once: one width, so that no bit depends on how many there are


def selectivity(effect: Float[np.ndarray, " lines"], measure: str) -> Selectivity | None:
    """How a target's measured effect (NaN where missing) is spread; None where it was measured in no line.

    Skewness is the population's (scipy's `skew`), in the direction of need; NaN where the effect is constant.
    """
    known = np.asarray(effect, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return None
    mean, sd = float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else 0.0
    deviation = (known - mean) * (-1 if measure == "effect" else 1)
    spread = float(np.sqrt(np.mean(deviation**2)))
    constant = spread <= CONSTANT_TOLERANCE * float(np.abs(known).max())
    skew = float("nan") if constant else float(np.mean((deviation / spread) ** 3))
    dependent = int(np.count_nonzero(is_dependent(known, measure)))
    return Selectivity(len(known), dependent, mean, sd, skew, classify(mean, sd, measure))


def codependency(
    effect: Float[np.ndarray, "lines targets"], column: int
) -> tuple[Float64[np.ndarray, " targets"], Int64[np.ndarray, " targets"]]:
    """Pearson's r of one target's measured effect with every other's, and the lines that each is over.

    Over the lines where both were measured; NaN for the target itself, under `FEWEST_LINES`, and where
    either is constant over those lines.
    """
    mine = np.asarray(effect[:, column], dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(mine))
    y = mine[rows]
    r = np.full(effect.shape[1], np.nan)
    n = np.zeros(effect.shape[1], dtype=np.int64)
    for start in range(0, effect.shape[1], TILE):
        tile = np.asarray(effect[rows, start : start + TILE], dtype=np.float64)
        here = slice(start, start + tile.shape[1])
        n[here] = np.count_nonzero(~np.isnan(tile), axis=0)
        r[here] = _correlations(y, tile)
    r[column] = np.nan
    return np.where(n >= FEWEST_LINES, r, np.nan), n


def _correlations(
    y: Float64[np.ndarray, " lines"], others: Float64[np.ndarray, "lines tile"]
) -> Float64[np.ndarray, " tile"]:
    """r with each column, over the rows where it is not NaN: sums of elements, no product of matrices."""
    known = ~np.isnan(others)
    count = np.maximum(known.sum(axis=0), 1)
    a = np.where(known, y[:, None], 0.0)
    b = np.where(known, others, 0.0)
    largest = [np.abs(v).max(axis=0, initial=0.0) for v in (a, b)]
    a = np.where(known, a - a.sum(axis=0) / count, 0.0)
    b = np.where(known, b - b.sum(axis=0) / count, 0.0)
    aa, bb = (a * a).sum(axis=0), (b * b).sum(axis=0)
    vary = (aa > (CONSTANT_TOLERANCE * largest[0]) ** 2 * count) & (
        bb > (CONSTANT_TOLERANCE * largest[1]) ** 2 * count
    )
    r = np.divide((a * b).sum(axis=0), np.sqrt(np.where(vary, aa * bb, 1.0)))
    return np.where(vary, np.clip(r, -1.0, 1.0), np.nan)
