"""What a file given as mutations, copy number or protein shows by its values: another file, or another kind.

What is certain is a problem, what is only likely a doubt in words for a person to judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Float64

COLUMNS_COMPARED = 200  # at most, evenly chosen among those that two files share
FEWEST_CELLS = 20  # that both know and that are not 0 in both
SAME = 0.99  # share of equal cells from which on one file is the other
ALIKE = 0.8  # r over those cells: two releases of gene effect have about 0.9, other kinds of data below 0.5
CALLS = (0.0, 1.0, 2.0)
_EXPECTED = {  # of mutations 0, 1 and 2, or they are refused on reading
    "--copy-number": "expected copy numbers relative to the line's average, with fractions",
    "--protein": "expected measured protein levels, with fractions",
}
_PERHAPS = {
    "--copy-number": "absolute copy numbers, or calls of gain and loss",
    "--protein": "counts, or calls",
}


class Values(Protocol):
    """What a file holds, a row of `values` for each of its columns; see `tasks.importing.matrices.Matrix`."""

    @property
    def file(self) -> str:
        """Its path."""

    @property
    def ids(self) -> list[str]:
        """Cell lines."""

    @property
    def columns(self) -> list[str]:
        """Genes or other features."""

    @property
    def values(self) -> Float32[np.ndarray, "columns rows"]:
        """NaN is missing."""


@dataclass(frozen=True)
class LayerValues:
    """`problems`: what cannot be used. `doubts`: what is likely to be wrong."""

    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def judge_layers(layers: Sequence[tuple[str, Values]], others: Mapping[str, Values]) -> LayerValues:
    """Judge files of layers, all of them at once, each with the option that names it (`--protein`).

    `others`: "effect" and "expression", as far as they could be read.
    """
    problems: list[str] = []
    doubts: list[str] = []
    for flag, layer in layers:
        same = [name for name, other in others.items() if _equal_share(layer, other) >= SAME]
        if same:
            problems.append(
                f"{layer.file}: its values are those of the {same[0]} file "
                f"({Path(others[same[0]].file).name}); give another file, or leave {flag} out"
            )
            continue
        problem, doubt = _by_kind(flag, layer)
        problems += problem
        doubts += doubt
        doubts += [] if problem else _likeness(flag, layer, others)
    return LayerValues(tuple(problems), tuple(doubts))


def doubt_of_sameness(effect: Values, expression: Values) -> str:
    """What to say where one table was given as both; "" where the values differ."""
    if _equal_share(expression, effect) < SAME:
        return ""
    return (
        f"--effect {effect.file} and --expression {expression.file} hold the same values; expected what "
        "knocking genes out does, and how much each gene is expressed"
    )


def _by_kind(flag: str, layer: Values) -> tuple[list[str], list[str]]:
    """Whole numbers where others are expected."""
    known = layer.values[~np.isnan(layer.values)]
    if flag not in _EXPECTED or not known.size or not np.ptp(known) or (known != np.rint(known)).any():
        return [], []  # a constant file is refused as one
    expected = _EXPECTED[flag]
    if np.isin(known, CALLS).all():
        return [
            f"{layer.file}: holds only 0, 1 and 2; {expected}. Of mutations? --mutations takes them. Levels "
            f"of dependency? Leave {flag} out"
        ], []
    name = Path(layer.file).name
    return [], [f"{name} ({flag}): whole numbers only; {expected}: are these {_PERHAPS[flag]}?"]


def _likeness(flag: str, layer: Values, others: Mapping[str, Values]) -> list[str]:
    """Other releases of the effect or the expression."""
    found = []
    for name, other in others.items():
        mine, theirs = _shared_cells(layer, other)
        if len(mine) < FEWEST_CELLS or not (np.ptp(mine) and np.ptp(theirs)):
            continue
        r = float(np.corrcoef(mine, theirs)[0, 1])
        if abs(r) >= ALIKE:
            found.append(
                f"{Path(layer.file).name} ({flag}): its values go with those of the {name} file (r {r:.2f} "
                f"over {len(mine)} cells of the same lines and genes): is it another release of {name}? What "
                "is measured of a target must not predict it"
            )
    return found


def _equal_share(layer: Values, other: Values) -> float:
    mine, theirs = _shared_cells(layer, other)
    return float(np.mean(mine == theirs)) if len(mine) >= FEWEST_CELLS else 0.0


def _shared_cells(
    layer: Values, other: Values
) -> tuple[Float64[np.ndarray, " cells"], Float64[np.ndarray, " cells"]]:
    """Of lines and columns that both name alike, the cells that both know and that are not 0 in both."""
    pairs = [
        _places(first, second) for first, second in ((layer.columns, other.columns), (layer.ids, other.ids))
    ]
    (columns, other_columns), (rows, other_rows) = pairs
    step = max(1, len(columns) // COLUMNS_COMPARED)
    mine = layer.values[np.ix_(columns[::step], rows)].astype(np.float64).ravel()
    theirs = other.values[np.ix_(other_columns[::step], other_rows)].astype(np.float64).ravel()
    used = np.isfinite(mine) & np.isfinite(theirs) & ((mine != 0) | (theirs != 0))
    return mine[used], theirs[used]


def _places(first: list[str], second: list[str]) -> tuple[list[int], list[int]]:
    """Where names that both have stand in either."""
    place = {name: i for i, name in enumerate(second)}
    shared = [(i, place[name]) for i, name in enumerate(first) if name in place]
    return [i for i, _ in shared], [j for _, j in shared]
