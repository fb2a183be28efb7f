"""What changed between two Datasets, say of two releases: what came and went, and whose values are others.

Lines are matched by id, genes and targets by label, else by Entrez id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32, Float64, Int64

from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import VARIABLE, target_facts

TILE = 512  # columns at a time
FEWEST_LINES = 10  # in both, for a correlation
CHANGED = 0.9  # r below which a profile is another one
NEAREST = 0.9  # a line that looks like another must be this like it


@dataclass(frozen=True, eq=False)
class Drift:
    """What changed from one Dataset to another.

    `summary` holds plain values by name. `targets` has one row for each target of both: lines (measured in
    both), pearson (null where either is constant or on fewer than 10 lines), mean_difference (after minus
    before, in units of the effect), largest_difference (without sign), class_before, class_after, changed;
    those that changed most come first. `lines` has one row for each line of both: effect_r and expression_r,
    over what both measured and after each target's (gene's) mean over the shared lines is taken off;
    effect_nearest and expression_nearest, the line of the first Dataset that the line of the second is most
    like, and effect_nearest_r, expression_nearest_r.
    """

    summary: dict[str, Any]
    targets: pd.DataFrame
    lines: pd.DataFrame


def drift(before: Dataset, after: Dataset) -> Drift:
    """Compares two Datasets of the same kind; values of other measures are not compared.

    A target's profile changed where r < 0.9 and it is variable in either, or where its class is another.
    """
    lines = _in_both(before.cell_lines, after.cell_lines)
    genes = _genes_in_both(before.genes, before.gene_entrez, after.genes, after.gene_entrez)
    targets = _genes_in_both(before.targets, before.target_entrez, after.targets, after.target_entrez)
    same = before.measure == after.measure
    of_effect = _compared(before.effect, after.effect, lines, targets if same else targets[:0])
    of_expression = _compared(before.expression, after.expression, lines, genes)
    names = [before.cell_lines[i] for i in lines[:, 0]]
    table = _targets_table(before, after, targets, of_effect) if same else pd.DataFrame()
    like = _nearest(names, of_effect.likeness, "effect") | _nearest(
        names, of_expression.likeness, "expression"
    )
    by_line = pd.DataFrame({"cell_line": names} | like)
    summary = {
        "before": str(before.path),
        "after": str(after.path),
        "same_content": before.content_hash == after.content_hash,
        "measure": [before.measure, after.measure],
        "cell_lines": _came_and_went(before.cell_lines, after.cell_lines, lines),
        "genes": _came_and_went(before.genes, after.genes, genes),
        "targets": _came_and_went(before.targets, after.targets, targets),
        "other_lineage": [
            f"{before.cell_lines[i]} ({before.lineages[i] or 'unknown'} -> {after.lineages[j] or 'unknown'})"
            for i, j in lines
            if before.lineages[i] != after.lineages[j]
        ],
        "expression": of_expression.summary(),
        "effect": of_effect.summary() if same else None,
        "targets_changed": int(table["changed"].sum()) if same else None,
        "lines_like_another": _swapped(by_line),
    }
    return Drift(summary, table, by_line)


@dataclass(frozen=True, eq=False)
class _Compared:
    """Values of both for shared lines and columns; `pearson` is NaN where it says nothing.

    `likeness` is the correlation of each line of the second (rows) with each of the first (columns).
    """

    pearson: Float64[np.ndarray, " columns"]
    lines: Int64[np.ndarray, " columns"]
    mean_difference: Float64[np.ndarray, " columns"]
    largest: Float64[np.ndarray, " columns"]
    overall: float
    equal: float
    gaps: tuple[int, int]
    likeness: Float64[np.ndarray, "after before"]

    def summary(self) -> dict[str, Any]:
        known = self.pearson[np.isfinite(self.pearson)]
        return {
            "shared_columns": len(self.pearson),
            "pearson_of_all_values": _plain(self.overall),
            "median_pearson": _plain(float(np.median(known)) if known.size else np.nan),
            "equal_share": _plain(self.equal),
            "largest_difference": _plain(float(np.nanmax(self.largest)) if known.size else np.nan),
            "missing": list(self.gaps),
        }


def _compared(
    first: Float32[np.ndarray, "_ _"],
    second: Float32[np.ndarray, "_ _"],
    lines: Int64[np.ndarray, "shared 2"],
    columns: Int64[np.ndarray, "kept 2"],
) -> _Compared:
    n = len(columns)
    pearson, mean, largest = np.full((3, n), np.nan)
    count = np.zeros(n, dtype=np.int64)
    sums = np.zeros(6)  # of both known: n, x, y, xx, yy, xy
    gaps, equal = [0, 0], 0
    products, norms = np.zeros((len(lines), len(lines))), np.zeros((2, len(lines)))
    for start in range(0, n, TILE):
        tile = slice(start, min(start + TILE, n))
        x = np.asarray(first[:, columns[tile, 0]][lines[:, 0]], dtype=np.float64)
        y = np.asarray(second[:, columns[tile, 1]][lines[:, 1]], dtype=np.float64)
        gaps = [gaps[0] + int(np.isnan(x).sum()), gaps[1] + int(np.isnan(y).sum())]
        both = ~(np.isnan(x) | np.isnan(y))
        count[tile] = both.sum(axis=0)
        equal += int(np.count_nonzero((x == y) & both))
        x, y = np.where(both, x, 0.0), np.where(both, y, 0.0)
        sums += [both.sum(), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]
        some = np.maximum(count[tile], 1)
        difference = y - x
        mean[tile] = np.where(count[tile] > 0, difference.sum(axis=0) / some, np.nan)
        extreme = np.abs(difference).argmax(axis=0) if len(lines) else np.zeros(len(some), dtype=np.int64)
        if len(lines):
            largest[tile] = np.take_along_axis(np.abs(difference), extreme[None], axis=0)[0]
        x = np.where(both, x - x.sum(axis=0) / some, 0.0)
        y = np.where(both, y - y.sum(axis=0) / some, 0.0)
        pearson[tile] = _correlation((x * y).sum(axis=0), (x * x).sum(axis=0), (y * y).sum(axis=0))
        products += y @ x.T
        norms += [(x * x).sum(axis=1), (y * y).sum(axis=1)]
    pearson[count < FEWEST_LINES] = np.nan
    total, sx, sy, xx, yy, xy = sums
    overall = np.nan if not total else _correlation(
        *(np.array([v]) for v in (xy - sx * sy / total, xx - sx * sx / total, yy - sy * sy / total))
    )[0]  # fmt: skip
    likeness = _correlation(products, *np.broadcast_arrays(norms[1][:, None], norms[0][None]))
    share = equal / total if total else np.nan
    return _Compared(
        pearson, count, mean, largest, float(overall), float(share), (gaps[0], gaps[1]), likeness
    )


def _correlation(product: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """NaN where either does not vary, but for rounding."""
    varies = (one > 1e-12) & (other > 1e-12)
    return np.divide(product, np.sqrt(one * other), out=np.full(product.shape, np.nan), where=varies)


def _targets_table(
    before: Dataset, after: Dataset, targets: Int64[np.ndarray, "kept 2"], found: _Compared
) -> pd.DataFrame:
    classes = [
        np.array(target_facts(dataset).column("class").to_pylist(), dtype=object)[targets[:, side]]
        for side, dataset in enumerate((before, after))
    ]
    variable = (classes[0] == VARIABLE) | (classes[1] == VARIABLE)
    table = pd.DataFrame(
        {
            "target": [after.targets[i] for i in targets[:, 1]],
            "lines": found.lines,
            "pearson": found.pearson,
            "mean_difference": found.mean_difference,
            "largest_difference": found.largest,
            "class_before": classes[0],
            "class_after": classes[1],
            "changed": ((found.pearson < CHANGED) & variable) | (classes[0] != classes[1]),
        }
    )
    return table.sort_values(
        ["changed", "pearson", "target"], ascending=[False, True, True], ignore_index=True
    )


def _nearest(names: Sequence[str], likeness: np.ndarray, what: str) -> dict[str, Any]:
    if not len(names):
        return {f"{what}_r": [], f"{what}_nearest": []}
    known = np.where(np.isfinite(likeness), likeness, -2.0)
    nearest = known.argmax(axis=1)
    own = likeness[np.arange(len(names)), np.arange(len(names))]
    found = known[np.arange(len(names)), nearest]
    return {
        f"{what}_r": own,
        f"{what}_nearest": [names[i] if r > -2 else "" for i, r in zip(nearest, found, strict=True)],
        f"{what}_nearest_r": np.where(found > -2, found, np.nan),
    }


def _swapped(lines: pd.DataFrame) -> list[str]:
    """Lines that are almost the same as another line of the first Dataset, and not as themselves."""
    found = []
    for what in ("effect", "expression"):
        if not len(lines):
            break
        other = lines[f"{what}_nearest"].ne(lines["cell_line"]) & (lines[f"{what}_nearest_r"] >= NEAREST)
        found += [
            f"{line} has the {what} of {nearest} (r {r:.2f})"
            for line, nearest, r in lines.loc[
                other, ["cell_line", f"{what}_nearest", f"{what}_nearest_r"]
            ].itertuples(index=False)
        ]
    return found


def _came_and_went(before: Sequence[str], after: Sequence[str], both: np.ndarray) -> dict[str, Any]:
    old, new = set(both[:, 0].tolist()), set(both[:, 1].tolist())
    return {
        "before": len(before),
        "after": len(after),
        "shared": len(both),
        "removed": [name for i, name in enumerate(before) if i not in old],
        "added": [name for i, name in enumerate(after) if i not in new],
        "renamed": [f"{before[i]} -> {after[j]}" for i, j in both if before[i] != after[j]],
    }


def _in_both(before: Sequence[str], after: Sequence[str]) -> Int64[np.ndarray, "shared 2"]:
    place = {name: i for i, name in enumerate(after)}
    pairs = [(i, place[name]) for i, name in enumerate(before) if name in place]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _genes_in_both(
    before: Sequence[str], before_ids: np.ndarray, after: Sequence[str], after_ids: np.ndarray
) -> Int64[np.ndarray, "shared 2"]:
    """By label; those left by Entrez id, where one gene alone has it."""
    pairs = _in_both(before, after).tolist()
    old, new = {i for i, _ in pairs}, {j for _, j in pairs}
    by_id = {int(e): j for j, e in enumerate(after_ids) if e and j not in new}
    for i, entrez in enumerate(before_ids.tolist()):
        if i not in old and entrez in by_id:
            pairs.append([i, by_id.pop(entrez)])
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
