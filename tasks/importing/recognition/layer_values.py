"""What a file given as mutations, copy number or protein shows by its values: another file, or another kind.

What is certain is a problem, what is only likely a doubt in words for a person to judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from tasks.importing.layouts import COPY_NUMBER, EFFECT, EXPRESSION, MUTATION_ROLES, PROTEIN, flag_of
from tasks.importing.matrices import Matrix

COLUMNS_COMPARED = 200  # at most, evenly chosen among those that two files share
FEWEST_CELLS = 20  # that both know and that are not 0 in both
SAME = 0.99  # share of equal cells from which on one file is the other
ALIKE = 0.8  # r over those cells: two releases of gene effect have about 0.9, other kinds of data below 0.5
CALLS = (0.0, 1.0, 2.0)
_OTHERS = (EFFECT, EXPRESSION)
_WHAT = {EFFECT: "effect", EXPRESSION: "expression"}


@dataclass(frozen=True)
class LayerValues:
    """`problems`: what cannot be used. `doubts`: what is likely to be wrong."""

    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def judge_layers(parts: Mapping[str, Any]) -> LayerValues:
    """Judge the layers among the files read (`parts`, by role), all of them at once."""
    problems: list[str] = []
    doubts: list[str] = []
    for role in (*MUTATION_ROLES, COPY_NUMBER, PROTEIN):
        matrix = parts.get(role)
        if matrix is None:
            continue
        same = [other for other in _OTHERS if other in parts and _equal_share(matrix, parts[other]) >= SAME]
        if same:
            problems.append(
                f"{matrix.file}: its values are those of the {_WHAT[same[0]]} file "
                f"({Path(parts[same[0]].file).name}); give another file, or leave {flag_of(role)} out"
            )
            continue
        problem, doubt = _by_kind(role, matrix)
        problems += problem
        doubts += doubt
        doubts += [] if problem else _likeness(role, matrix, parts)
    return LayerValues(tuple(problems), tuple(doubts))


def _by_kind(role: str, matrix: Matrix) -> tuple[list[str], list[str]]:
    """Whole numbers where others are expected."""
    if role not in (COPY_NUMBER, PROTEIN):
        return [], []  # mutations are 0, 1 and 2, or refused on reading
    known = matrix.values[~np.isnan(matrix.values)]
    if not known.size or not np.ptp(known) or (known != np.rint(known)).any():
        return [], []  # a constant file is refused as one
    expected = {
        COPY_NUMBER: "expected copy numbers relative to the line's average, with fractions",
        PROTEIN: "expected measured protein levels, with fractions",
    }[role]
    if np.isin(known, CALLS).all():
        return [
            f"{matrix.file}: holds only 0, 1 and 2; {expected}. Of mutations? --mutations takes them. Levels "
            f"of dependency? Leave {flag_of(role)} out"
        ], []
    words = (
        "absolute copy numbers, or calls of gain and loss?" if role == COPY_NUMBER else "counts, or calls?"
    )
    return [], [
        f"{Path(matrix.file).name} ({flag_of(role)}): whole numbers only; {expected}: are these {words}"
    ]


def _likeness(role: str, matrix: Matrix, parts: Mapping[str, Any]) -> list[str]:
    """Other releases of the effect or the expression."""
    found = []
    for other in _OTHERS:
        mine, theirs = _shared_cells(matrix, parts[other]) if other in parts else (np.empty(0), np.empty(0))
        if len(mine) < FEWEST_CELLS or not (np.ptp(mine) and np.ptp(theirs)):
            continue
        r = float(np.corrcoef(mine, theirs)[0, 1])
        if abs(r) >= ALIKE:
            found.append(
                f"{Path(matrix.file).name} ({flag_of(role)}): its values go with those of the {_WHAT[other]} "
                f"file (r {r:.2f} over {len(mine)} cells of the same lines and genes): is it another release "
                f"of {_WHAT[other]}? What is measured of a target must not predict it"
            )
    return found


def _equal_share(matrix: Matrix, other: Matrix) -> float:
    mine, theirs = _shared_cells(matrix, other)
    return float(np.mean(mine == theirs)) if len(mine) >= FEWEST_CELLS else 0.0


def _shared_cells(
    matrix: Matrix, other: Matrix
) -> tuple[Float64[np.ndarray, " cells"], Float64[np.ndarray, " cells"]]:
    """Of lines and columns that both name alike, the cells that both know and that are not 0 in both."""
    pairs = [
        _places(first, second) for first, second in ((matrix.columns, other.columns), (matrix.ids, other.ids))
    ]
    (columns, other_columns), (rows, other_rows) = pairs
    step = max(1, len(columns) // COLUMNS_COMPARED)
    mine = matrix.values[np.ix_(columns[::step], rows)].astype(np.float64).ravel()
    theirs = other.values[np.ix_(other_columns[::step], other_rows)].astype(np.float64).ravel()
    used = np.isfinite(mine) & np.isfinite(theirs) & ((mine != 0) | (theirs != 0))
    return mine[used], theirs[used]


def _places(first: list[str], second: list[str]) -> tuple[list[int], list[int]]:
    """Where names that both have stand in either."""
    place = {name: i for i, name in enumerate(second)}
    shared = [(i, place[name]) for i, name in enumerate(first) if name in place]
    return [i for i, _ in shared], [j for _, j in shared]
