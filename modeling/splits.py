"""Which rows are held out of a training set for validation: by chance, by a seed and what it is for.

Folds (`modeling.folds`) say what trains and what tests; this splits what trains.
"""

import math
from typing import NamedTuple, SupportsIndex

import numpy as np
from jaxtyping import Bool, Int64

from modeling.seeds import generator


class Split(NamedTuple):
    """Row numbers to learn from and row numbers held out: without overlap, together all, both sorted."""

    learned: Int64[np.ndarray, " learned_rows"]
    held_out: Int64[np.ndarray, " held_out_rows"]

    @property
    def is_held_out(self) -> Bool[np.ndarray, " rows"]:
        """For every row, whether it is held out."""
        mask = np.ones(len(self.learned) + len(self.held_out), dtype=bool)
        mask[self.learned] = False
        return mask


def hold_out_tenth(n_rows: int, seed: SupportsIndex, *purpose: str) -> Split:
    """Hold out a tenth, rounded up; the seed and the purpose say which (see `modeling.seeds`)."""
    return _hold_out(n_rows, math.ceil(0.1 * n_rows), seed, purpose)


def hold_out(n_rows: int, share: float, seed: SupportsIndex, *purpose: str) -> Split:
    """Hold out a share, rounded to the nearest (half to even), one row at least."""
    return _hold_out(n_rows, max(1, round(share * n_rows)), seed, purpose)


def _hold_out(n_rows: int, n_held: int, seed: SupportsIndex, purpose: tuple[str, ...]) -> Split:
    order = generator(seed, *purpose).permutation(n_rows)
    return Split(np.sort(order[n_held:]), np.sort(order[:n_held]))
