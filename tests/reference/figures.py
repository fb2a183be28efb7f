"""The numbers of the figures, by loops over plain rows."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

Rows = Iterable[Mapping[str, Any]]


def _known(value: Any) -> bool:
    return value is not None and not math.isnan(value)


def mean_by(rows: Rows, keys: Sequence[str], value: str) -> dict[tuple[Hashable, ...], float | None]:
    """The mean of a column for every combination of keys, missing values skipped; None of none."""
    found: dict[tuple[Hashable, ...], list[float]] = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)] += [row[value]] if _known(row[value]) else []
    return {key: sum(values) / len(values) if values else None for key, values in found.items()}


def accuracy(rows: Rows, value: str) -> dict[tuple[Hashable, ...], float]:
    """ACC by (model, features): the mean over lines, then over folds."""
    by_fold = mean_by(rows, ("model", "features", "fold"), value)
    folds = [{"model": m, "features": f, "acc": acc} for (m, f, _), acc in by_fold.items()]
    return mean_by(folds, ("model", "features"), "acc")


def histogram(values: Iterable[float], low: float, high: float) -> int:
    """How many are above `low` and not above `high`."""
    return sum(1 for value in values if low < value <= high)
