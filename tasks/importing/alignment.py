"""Brings expression and effect to the same cell lines, expression dense, and notes what is left out.

Other matrices are fitted to those lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from tasks.dataset.gene_labels import GeneNames, name_genes
from tasks.errors import BadInputError
from tasks.importing.matrices import Matrix
from tasks.importing.recognition.line_names import LineNames


@dataclass(frozen=True, eq=False)
class Aligned:
    """The parts of a Dataset, rows in the order of the sorted cell line ids, columns in the files' order."""

    cell_lines: list[str]
    genes: GeneNames
    targets: GeneNames
    expression: Float32[np.ndarray, "cell_lines genes"]
    effect: Float32[np.ndarray, "cell_lines targets"]
    report: dict[str, list[str]]


def align(effect: Matrix, expression: Matrix, min_coverage: float) -> Aligned:
    """Shared lines only; genes known on fewer than `min_coverage` of them go, then lines with a gap left.

    Raises:
        BadInputError: no shared lines, or nothing is left.
    """
    shared = sorted(set(effect.ids) & set(expression.ids))
    if not shared:
        raise BadInputError(_nothing_shared(effect, expression))
    genes, strange_genes = name_genes(expression.columns)
    targets, strange_targets = name_genes(effect.columns)
    rows = _positions(expression.ids, shared)
    known = _known(expression.values, rows)
    covered = np.array([column.mean() >= min_coverage for column in known], dtype=bool)
    dense = known[covered].all(axis=0)
    if not covered.any() or not dense.any():
        raise BadInputError(
            f"{expression.file}: no cell line has values for all genes known on {min_coverage:.0%} of the "
            f"{len(shared)} shared lines; set another --min-coverage"
        )
    cell_lines = [line for line, full in zip(shared, dense, strict=True) if full]
    effect_values = _gather(effect.values, np.ones(len(effect.columns), dtype=bool), effect.ids, cell_lines)
    unmeasured = np.flatnonzero(np.isnan(effect_values).all(axis=0))
    return Aligned(
        cell_lines,
        genes.take(np.flatnonzero(covered)),
        targets,
        _gather(expression.values, covered, expression.ids, cell_lines),
        effect_values,
        {
            "cell lines in the effect file only, set aside": _only(effect.ids, shared),
            "cell lines in the expression file only, set aside": _only(expression.ids, shared),
            f"genes known on fewer than {min_coverage:.0%} of the shared lines, set aside": [
                genes.labels[column] for column in np.flatnonzero(~covered)
            ],
            "cell lines with a gap in the remaining genes, set aside": _only(shared, cell_lines),
            "targets without any value on the lines kept": [targets.labels[column] for column in unmeasured],
            "labels of the expression file not understood, kept as they are": strange_genes,
            "labels of the effect file not understood, kept as they are": strange_targets,
        },
    )


@dataclass(frozen=True, eq=False)
class LineValues:
    """A matrix's values for given cell lines (rows; NaN for one that it does not hold).

    `others` are the file's lines that are not among these, and those of another name for a line that the file
    holds already; `renamed` gives the id that each other name was taken for. `turned`: its lines are columns.
    """

    columns: list[str]
    values: Float32[np.ndarray, "cell_lines columns"]
    others: list[str]
    renamed: list[str]
    turned: bool


def fit_to_lines(matrix: Matrix, cell_lines: Sequence[str], names: LineNames | None = None) -> LineValues:
    """Fits a matrix to the given lines.

    The matrix may hold lines as columns (PRISM since 24Q2): so it does if of its columns more are known
    lines. Lines go by id, or by another name that is theirs alone, as `names` has it.
    """
    known = set(cell_lines)
    called = LineNames({}) if names is None else names
    id_of = {
        name: line for name in (*matrix.ids, *matrix.columns) if (line := called.id_of(name) or name) in known
    }
    lines, columns, values = matrix.ids, matrix.columns, matrix.values
    turned = sum(name in id_of for name in columns) > sum(name in id_of for name in lines)
    if turned:
        lines, columns, values = columns, lines, values.T
    place = {line: i for i, line in enumerate(cell_lines)}
    out = np.full((len(cell_lines), len(columns)), np.nan, dtype=np.float32)
    taken: dict[str, str] = {}
    for row in sorted(range(len(lines)), key=lambda row: lines[row] not in place):  # ids before other names
        line = id_of.get(lines[row], "")
        if line and line not in taken:
            taken[line] = lines[row]
            out[place[line]] = values[:, row]
    used = set(taken.values())
    renamed = [f"{name} ({line})" for line, name in taken.items() if name != line]
    return LineValues(list(columns), out, [name for name in lines if name not in used], renamed, turned)


def _known(
    values: Float32[np.ndarray, "columns rows"], rows: Int64[np.ndarray, " shared"]
) -> Bool[np.ndarray, "columns shared"]:
    known = np.empty((len(values), len(rows)), dtype=bool)
    for place, column in enumerate(values):
        np.logical_not(np.isnan(column[rows]), out=known[place])
    return known


def _gather(
    values: Float32[np.ndarray, "columns rows"], columns: np.ndarray, ids: list[str], lines: list[str]
) -> Float32[np.ndarray, "lines kept"]:
    """Rows and columns wanted, turned to one row per line, a block of columns at a time to save memory."""
    rows = _positions(ids, lines)
    kept = np.flatnonzero(columns)
    gathered = np.empty((len(rows), len(kept)), dtype=np.float32)
    for start in range(0, len(kept), 512):
        block = slice(start, start + 512)
        gathered[:, block] = values[kept[block]][:, rows].T
    return gathered


def _positions(ids: list[str], wanted: list[str]) -> Int64[np.ndarray, " wanted"]:
    place = {name: position for position, name in enumerate(ids)}
    return np.array([place[name] for name in wanted], dtype=np.int64)


def _only(ids: list[str], others: list[str]) -> list[str]:
    return sorted(set(ids) - set(others))


def _nothing_shared(effect: Matrix, expression: Matrix) -> str:
    return (
        f"no shared cell lines: {effect.file} has {', '.join(effect.ids[:3])}, ..., {expression.file} has "
        f"{', '.join(expression.ids[:3])}, ...; expected the same kind of ids in both, such as ACH-000001, "
        "or names that the models table has"
    )
