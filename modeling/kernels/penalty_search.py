"""The penalty with the smallest leave-one-out error: sought in single precision, decided in double.

A bound on what single precision may be off by says which penalties may have the smallest error; where that is
more than one, their errors are computed in double precision. So the penalty is the one that double precision
alone would choose, at little more than half the work. Effects below 1e-150,
whose squares vanish, get that of the same effects made larger.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64
from scipy.linalg.blas import sgemm

SUMMED_AT_ONCE = 64  # products in single precision: the fewer, the tighter the bound, and the slower
UNIT = float(2.0**-24)  # the largest relative error of one rounding to single precision
SLACK = 1.01  # for terms of higher order, and for what falls below single precision's range
ROUNDINGS = 4  # of an eigenvector's element, a part of the effect, its shrinkage, and their product


class Chosen(NamedTuple):
    """Of each target the `place` of its penalty, and its mean squared `error`.

    `parts` are (kernel + penalty)^-1 times the centred effects.
    """

    place: Int64[np.ndarray, " tile"]
    parts: Float64[np.ndarray, "lines tile"]
    error: Float64[np.ndarray, " tile"]


@dataclass(frozen=True, eq=False)
class PenaltySearch:
    """A kernel's eigenvectors and some penalties, as `choose` needs them.

    Attributes:
        vectors, values: of the kernel, as `ridge.Spectrum`.
        penalties: those to choose among.
        diagonals: of the inverse of kernel + penalty, for each line and penalty.
        blocks: `vectors` in single precision, the eigenvectors in blocks, zeros filling the last.
        shrunk: 1 / (values + penalties), zeros below.
        weights: of a line's squared residual in the mean of squared errors: 1 / diagonals squared / lines.
        spread: root of the sum of `weights` over lines.
    """

    vectors: Float64[np.ndarray, "lines rest"]
    values: Float64[np.ndarray, " rest"]
    penalties: Float64[np.ndarray, " penalties"]
    diagonals: Float64[np.ndarray, "lines penalties"]
    blocks: Float32[np.ndarray, "blocks lines block"]
    shrunk: Float32[np.ndarray, "padded penalties"]
    weights: Float32[np.ndarray, "penalties lines"]
    spread: Float64[np.ndarray, " penalties"]

    def choose(self, projected: Float64[np.ndarray, "rest tile"]) -> Chosen:
        """For each target the penalty with the smallest leave-one-out error; of equal ones the first.

        `projected` are the centred effects' parts along the eigenvectors.
        """
        root, off = self._rough(projected)
        first = root.argmin(axis=0)
        chosen = self._solved(projected, first)
        rivals = root - off <= (root + off).min(axis=0)
        # Where nothing varies no penalty makes an error.
        rivals[first, np.arange(len(first))], rivals[:, ~projected.any(axis=0)] = False, False
        place, column = np.nonzero(rivals)
        errors = np.full(rivals.shape, np.inf)
        errors[first, np.arange(len(first))] = chosen.error
        errors[place, column] = self._errors(projected, place, column)
        best = errors.argmin(axis=0)
        return chosen if np.array_equal(best, first) else self._solved(projected, best)

    def smallest_between(
        self, projected: Float64[np.ndarray, "rest tile"]
    ) -> tuple[Float64[np.ndarray, " tile"], Float64[np.ndarray, " tile"]]:
        """What the `error` that `choose` gives is at least and at most, for much less work."""
        root, off = self._rough(projected)
        length = _length(projected)
        low, high = np.maximum(root - off, 0.0).min(axis=0), (root + off).min(axis=0)
        return np.square(low * length), np.square(high * length)

    def _solved(
        self, projected: Float64[np.ndarray, "rest tile"], place: Int64[np.ndarray, " tile"]
    ) -> Chosen:
        parts = self.vectors @ (projected / (self.values[:, None] + self.penalties[place]))
        return Chosen(place, parts, mean_square(parts / self.diagonals[:, place]))

    def _rough(
        self, projected: Float64[np.ndarray, "rest tile"]
    ) -> tuple[Float64[np.ndarray, "penalties tile"], Float64[np.ndarray, "penalties tile"]]:
        """Root mean square errors relative to the effect's size, and what they may be off by."""
        unit = np.zeros((len(self.shrunk), projected.shape[1]), dtype=np.float32)
        unit[: len(projected)] = projected / _length(projected)
        size = np.sqrt(np.square(self.shrunk).T @ np.square(unit))  # of the fits' parts
        root = np.sqrt([self._rough_square(place, unit) for place in range(len(self.penalties))])
        blocks, lines, block = self.blocks.shape
        # A sum of n products is off by at most n roundings of their magnitudes' sum, in whatever order; that
        # sum is at most the size of `parts`, since a line's part of all eigenvectors together is at most 1.
        off = (block + blocks + ROUNDINGS) * self.spread[:, None] * size + (lines + ROUNDINGS) * root
        return root, SLACK * UNIT * off

    def _rough_square(
        self, place: int, unit: Float32[np.ndarray, "padded tile"]
    ) -> Float64[np.ndarray, " tile"]:
        """Mean squared errors at one penalty."""
        along = unit * self.shrunk[:, place, None]
        lines, block = self.blocks.shape[1:]
        # Transposed, as this library takes matrices: so nothing is copied, and each block is added in place.
        parts = np.empty((unit.shape[1], lines), dtype=np.float32, order="F")
        for number, vectors in enumerate(self.blocks):
            rows = along[number * block : (number + 1) * block]
            parts = sgemm(1.0, rows.T, vectors.T, float(number > 0), parts, overwrite_c=1)
        mean: np.ndarray = np.square(parts, out=parts) @ self.weights[place]
        return mean.astype(np.float64)

    def _errors(
        self,
        projected: Float64[np.ndarray, "rest tile"],
        rows: Int64[np.ndarray, " pairs"],
        columns: Int64[np.ndarray, " pairs"],
    ) -> Float64[np.ndarray, " pairs"]:
        """Mean squared errors of some penalties (rows) with a target (column) each."""
        out, width = np.empty(len(rows)), projected.shape[1]
        for start in range(0, len(rows), width):  # as wide as the tile: another width has other last bits
            pairs = slice(start, start + width)
            penalty, taken = np.zeros(width, dtype=np.int64), slice(len(rows[pairs]))
            penalty[taken] = rows[pairs]
            along = np.zeros_like(projected)
            along[:, taken] = projected[:, columns[pairs]]
            out[pairs] = self._solved(along, penalty).error[taken]
        return out


def penalty_search(
    vectors: Float64[np.ndarray, "lines rest"],
    values: Float64[np.ndarray, " rest"],
    penalties: Float64[np.ndarray, " penalties"],
) -> PenaltySearch:
    """Prepare a search for any number of targets; `penalties` from 1e-10 to 1e10."""
    lines, rest = vectors.shape
    shrunk = 1.0 / (values[:, None] + penalties)
    diagonals = np.square(vectors) @ shrunk
    weights = 1.0 / np.square(diagonals) / lines
    blocks = -(-rest // SUMMED_AT_ONCE)
    block = -(-rest // blocks)
    padded = np.zeros((lines, blocks * block), dtype=np.float32)
    padded[:, :rest] = vectors
    return PenaltySearch(
        vectors,
        values,
        penalties,
        diagonals,
        np.ascontiguousarray(padded.reshape(lines, blocks, block).transpose(1, 0, 2)),
        np.pad(shrunk, ((0, blocks * block - rest), (0, 0))).astype(np.float32),
        np.ascontiguousarray(weights.T, dtype=np.float32),
        np.sqrt(weights.sum(axis=0)),
    )


def mean_square(errors: Float64[np.ndarray, "lines tile"]) -> Float64[np.ndarray, " tile"]:
    """Of each target's errors; a column by itself may have other last bits than one among others."""
    out: np.ndarray = np.einsum("lt,lt->t", errors, errors) / len(errors)
    return out


def _length(columns: Float64[np.ndarray, "rest tile"]) -> Float64[np.ndarray, " tile"]:
    """Of each column, 1 where it is zeros; no square overflows."""
    largest = np.abs(columns).max(axis=0)
    largest[largest == 0] = 1.0
    length = largest * np.linalg.norm(columns / largest, axis=0)
    return np.where(length > 0, length, 1.0)
