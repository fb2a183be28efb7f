"""Hypergeometric tails with whole numbers, and sets drawn one gene at a time."""

from fractions import Fraction
from math import comb


def overlap_p_slow(found, drawn, marked, total):
    """The tail as an exact fraction."""
    ways = sum(
        comb(marked, k) * comb(total - marked, drawn - k)
        for k in range(max(found, 0), min(marked, drawn) + 1)
        if drawn - k <= total - marked
    )
    return float(Fraction(ways, comb(total, drawn)))


def benjamini_hochberg_any(p, level):
    """Whether any of the tests is significant."""
    ordered = sorted(p)
    return any(value <= level * (i + 1) / len(ordered) for i, value in enumerate(ordered))


def enriched_slow(sizes, sets, total, draws, level, generator):
    """Of each draw how many of the drawn sets are enriched; `sets` are sets of gene numbers."""
    counts = []
    for _ in range(draws):
        count = 0
        for size in sizes:
            genes = set(generator.choice(total, size=size, replace=False).tolist())
            p = [overlap_p_slow(len(genes & some), size, len(some), total) for some in sets]
            count += benjamini_hochberg_any(p, level)
        counts.append(count)
    return counts


def any_slow(sizes, marks, total, draws, generator):
    """Of each draw how many of the drawn sets hold a marked gene."""
    return [
        sum(
            bool(set(generator.choice(total, size=size, replace=False).tolist()) & marked)
            for size, marked in zip(sizes, marks, strict=True)
        )
        for _ in range(draws)
    ]
