"""Six numbers of each sample that say how like the training lines it is, and its nearest lines.

Correlation alone would not notice a shift or another logarithm, so the sample is also set against the mean of
its nearest lines: `level` (0 where it is as high), `spread` (1 where genes differ as much), `scatter` about
that, and `absent`: genes that are not expressed. Those hide a shift that was cut off at 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from modeling.likeness.lines import Lines, left_of_line, unit_rows

Matrix = Float32[np.ndarray, "samples genes"]

NEAREST = 10
AT_ONCE = 128  # samples whose float64 copies are held together
SAME = 0.99  # r from which a line is the sample itself: named, but it says nothing of the rest
OUTSIDE = 0.01  # in log2: how far beyond the lines' range counts; rounding does not
ABSENT = 0.05  # log2(TPM+1) below which a gene is not expressed; rounding to one digit changes none


@dataclass(frozen=True, eq=False)
class Comparison:
    """Of each sample: its nearest line with r, and how it lies to those like it.

    `nearest_r` is the correlation of what is left of sample and line after regression on the lines' mean
    profile: it says in what way a sample differs from the mean line, and is the same whatever the sample's
    level and scale. 0 where nothing is left. `other_r` is that of the nearest line that is not the sample
    itself. `outside` is the share of genes outside the lines' range. `level` (0: as high), `spread` (1: genes
    differ as much) and `scatter` are against the mean of the nearest lines. `absent` is the share of genes
    that are not expressed (below `ABSENT`), less that of the nearest lines.
    """

    nearest: Int64[np.ndarray, " samples"]
    nearest_r: Float64[np.ndarray, " samples"]
    other_r: Float64[np.ndarray, " samples"]
    outside: Float64[np.ndarray, " samples"]
    level: Float64[np.ndarray, " samples"]
    spread: Float64[np.ndarray, " samples"]
    scatter: Float64[np.ndarray, " samples"]
    absent: Float64[np.ndarray, " samples"]

    def columns(self) -> Float64[np.ndarray, "samples statistics"]:
        """All but `absent` on scales on which differences are even: r, outside, level, spread, scatter."""
        best = np.arctanh(np.clip(self.other_r, -0.999, 0.999))
        return np.stack(
            [best, np.sqrt(self.outside), self.level, self.spread, np.log(self.scatter + 0.01)], axis=1
        )


def compare(samples: Matrix, lines: Lines) -> Comparison:
    """New samples (NaN where a gene is not known) against all lines. Every sample must know some gene."""
    return _in_blocks(samples, lines, leave_out=False)


def compare_left_out(lines: Lines, samples: Matrix | None = None) -> Comparison:
    """Each line against all others: what new samples from the same source look like.

    `samples` are the lines as samples, where these are changed before they are compared (quantile matching).
    """
    return _in_blocks(lines.expression if samples is None else samples, lines, leave_out=True)


def _in_blocks(samples: Matrix, lines: Lines, leave_out: bool) -> Comparison:
    parts = [
        _compare(samples[start : start + AT_ONCE], lines, start if leave_out else None)
        for start in range(0, len(samples), AT_ONCE)
    ]
    return Comparison(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _compare(block: Matrix, lines: Lines, first: int | None) -> tuple[np.ndarray, ...]:
    """The fields of a `Comparison`; `first`: the block's samples are the lines from there on."""
    known = ~np.isnan(block)
    values = np.where(known, block, 0.0).astype(np.float64)
    n = len(lines.expression)
    own = None if first is None else lines.expression[first : first + len(block)]
    mean = lines.mean if own is None else (n * lines.mean - own) / (n - 1)
    _, _, left = left_of_line(values, mean, lines.weight, known)
    r = _correlations(left, known, lines)
    if first is not None:
        r[np.arange(len(r)), first + np.arange(len(r))] = -np.inf
    nearest = r.argmax(axis=1)
    others = np.where(r >= SAME, -np.inf, r)
    ordered = np.argsort(-others, axis=1, kind="stable")[:, : min(NEAREST, n - 1)]
    like = np.stack([lines.expression[rows].mean(axis=0, dtype=np.float64) for rows in ordered])
    level, spread, left = left_of_line(values, like, lines.weight, known)
    weight = lines.weight * known
    scatter = np.sqrt(np.einsum("ij,ij,ij->i", weight, left, left) / weight.sum(axis=1))
    return (
        nearest,
        r.max(axis=1),
        np.maximum(others.max(axis=1), -1.0),
        _outside(block, known, lines, own),
        level,
        spread,
        scatter,
        _absent(block, known, lines, ordered),
    )


def _correlations(
    left: Float64[np.ndarray, "samples genes"], known: Bool[np.ndarray, "samples genes"], lines: Lines
) -> Float64[np.ndarray, "samples lines"]:
    """With each line's deviation, over the genes that a sample knows."""
    if known.all():
        return (unit_rows(left).astype(np.float32) @ lines.deviation.T).astype(np.float64)
    count = known.sum(axis=1, keepdims=True)
    centred = np.where(known, left - left.sum(axis=1, keepdims=True) / count, 0.0)
    length = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    of_lines = np.sqrt(known.astype(np.float32) @ (lines.deviation**2).T)
    product = (centred.astype(np.float32) @ lines.deviation.T).astype(np.float64)
    both = length[:, None] * of_lines
    is_there = (length > 1e-6 * np.sqrt(count[:, 0]))[:, None] & (of_lines > 0)
    return np.divide(product, both, out=np.zeros_like(product), where=is_there)


def _absent(
    block: Matrix,
    known: Bool[np.ndarray, "samples genes"],
    lines: Lines,
    like: Int64[np.ndarray, "samples n"],
) -> Float64[np.ndarray, " samples"]:
    """How much larger the share of known genes that are not expressed is than in the lines `like` it."""
    of_lines = np.stack([(lines.expression[rows] < ABSENT).mean(axis=0) for rows in like])
    more = (block < ABSENT).astype(np.float64) - of_lines  # NaN is not below
    return np.where(known, more, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _outside(
    block: Matrix, known: Bool[np.ndarray, "samples genes"], lines: Lines, own: Matrix | None
) -> Float64[np.ndarray, " samples"]:
    """The share of known genes that lie outside the lines' range, a line's own values not counted."""
    low, high = lines.low, lines.high
    if own is not None:
        low = np.where(own == low, lines.next_low, low)
        high = np.where(own == high, lines.next_high, high)
    beyond = (block < low - OUTSIDE) | (block > high + OUTSIDE)  # NaN is neither
    return beyond.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
