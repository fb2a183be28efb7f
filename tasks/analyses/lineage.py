"""How much worse targets are predicted on a lineage never seen than on as many random cell lines.

Each held-out lineage is compared with its random twin (`modeling.folds`), pair by pair. A pair counts where
the target has an RMSE in both folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64

from modeling.statistics.paired import differences, paired_tests
from tasks.tables.computed_tables import LINEAGE_TARGETS, LINEAGES

SCORE_COLUMNS = ("method", "target", "fold", "rmse", "rmse_mean", "pearson")
OVERALL = "all lineages"

LINEAGES_SCHEMA = LINEAGES.schema
LINEAGE_TARGETS_SCHEMA = LINEAGE_TARGETS.schema

Grid = Float64[np.ndarray, "targets lineages"]


@dataclass(frozen=True)
class HeldOut:
    """A lineage that was held out: its fold, that of its random twin, and how many lines each tests."""

    lineage: str
    fold: int
    twin: int
    n_lines: int


@dataclass(frozen=True, eq=False)
class _Pairs:
    """One score on the held-out lineages and on their twins; NaN in both where either is missing."""

    held_out: Grid
    random: Grid


def lineages_table(scores: pa.Table, held_out: Sequence[HeldOut]) -> pa.Table:
    """Per method, a row for each held-out lineage and a last one over all of them; `LINEAGES_SCHEMA`.

    `scores` has `SCORE_COLUMNS`. `rmse` is the mean over the `targets` counted of their RMSE on the lineage,
    `rmse_random` that on its random twin, `difference` the first less the second. `t` with `t_p` (Student's
    paired t-test) and `wilcoxon_p` (Wilcoxon's signed-rank test) are over targets, two-sided. `share_worse`
    is the share of targets with the larger RMSE on the lineage. `rmse_mean` and `rmse_mean_random` are of
    the same targets predicted as their training mean: their difference is there without any model, because
    effects vary more, or elsewhere, on some lineages. `beyond_mean` is `difference` less that one, and its
    two p test whether it is zero: what being of a lineage never seen takes from the model itself. The last
    row (`all lineages`, no fold) compares the targets' means over their lineages.

    Targets are correlated, so every p here is too small: read it beside the size of the difference.
    """
    tables = [
        _lineages_of(_method(scores, method), method, held_out) for method in _methods(scores, held_out)
    ]
    return pa.concat_tables([LINEAGES_SCHEMA.empty_table(), *tables]).combine_chunks()


def lineage_targets_table(scores: pa.Table, held_out: Sequence[HeldOut]) -> pa.Table:
    """One row per method and target, sorted; `LINEAGE_TARGETS_SCHEMA`.

    `scores` has `SCORE_COLUMNS`. `rmse`, `rmse_random` and `difference` are means over the `lineages`
    counted; `t` with `t_p` (Student's paired t-test) and `wilcoxon_p` (Wilcoxon's signed-rank test) are over
    those, two-sided. `pearson` and `pearson_random` are means over the `lineages_with_r`, those with an r in
    both folds. `worst_lineage` is the one with the largest RMSE (`worst_rmse`) when held out.
    """
    tables = [_targets_of(_method(scores, method), method, held_out) for method in _methods(scores, held_out)]
    return pa.concat_tables([LINEAGE_TARGETS_SCHEMA.empty_table(), *tables]).combine_chunks()


def _methods(scores: pa.Table, held_out: Sequence[HeldOut]) -> list[str]:
    return sorted(set(scores.column("method").to_pylist())) if held_out else []


def _method(scores: pa.Table, method: str) -> pa.Table:
    return scores.filter(pc.equal(scores.column("method"), method))


def _lineages_of(scores: pa.Table, method: str, held_out: Sequence[HeldOut]) -> pa.Table:
    _, rmse, mean = _grids(scores, held_out, "rmse", "rmse_mean")
    tested, by_mean = _over_targets(rmse), _over_targets(mean)
    columns = {
        "method": [method] * (len(held_out) + 1),
        "fold": [*(h.fold for h in held_out), None],
        "lineage": [*(h.lineage for h in held_out), OVERALL],
        "n_lines": [*(h.n_lines for h in held_out), sum(h.n_lines for h in held_out)],
        "targets": np.count_nonzero(~np.isnan(tested.held_out), axis=1),
        **_compared(tested),
        "share_worse": _share_worse(tested),
        "rmse_mean": _row_means(by_mean.held_out),
        "rmse_mean_random": _row_means(by_mean.random),
        **_beyond_mean(tested, by_mean),
    }
    return _table(columns, LINEAGES_SCHEMA)


def _targets_of(scores: pa.Table, method: str, held_out: Sequence[HeldOut]) -> pa.Table:
    targets, rmse, r = _grids(scores, held_out, "rmse", "pearson")
    worst = np.where(np.isnan(rmse.held_out), -np.inf, rmse.held_out).argmax(axis=1)
    worst_rmse = rmse.held_out[np.arange(len(targets)), worst]
    columns = {
        "method": [method] * len(targets),
        "target": targets,
        "lineages": np.count_nonzero(~np.isnan(rmse.held_out), axis=1),
        **_compared(rmse),
        "lineages_with_r": np.count_nonzero(~np.isnan(r.held_out), axis=1),
        "pearson": _row_means(r.held_out),
        "pearson_random": _row_means(r.random),
        "worst_lineage": [
            held_out[i].lineage if known else None
            for i, known in zip(worst, ~np.isnan(worst_rmse), strict=True)
        ],
        "worst_rmse": worst_rmse,
    }
    return _table(columns, LINEAGE_TARGETS_SCHEMA)


def _grids(
    scores: pa.Table, held_out: Sequence[HeldOut], first: str, second: str
) -> tuple[pa.Array, _Pairs, _Pairs]:
    """Sorted target names, and two scores of each target on each lineage and its twin."""
    targets = pa.array(sorted(set(scores.column("target").to_pylist())), pa.string())
    rows = np.asarray(pc.index_in(scores.column("target").combine_chunks(), value_set=targets))
    folds = np.asarray(scores.column("fold"))
    whole = {}
    for name in (first, second):
        values = scores.column(name).to_numpy().astype(np.float64)
        sides = [_side(values, rows, folds, numbers, len(targets)) for numbers in _numbers(held_out)]
        lacking = np.isnan(sides[0]) | np.isnan(sides[1])
        whole[name] = _Pairs(*(np.where(lacking, np.nan, side) for side in sides))
    return targets, whole[first], whole[second]


def _numbers(held_out: Sequence[HeldOut]) -> tuple[list[int], list[int]]:
    return [h.fold for h in held_out], [h.twin for h in held_out]


def _side(
    values: Float64[np.ndarray, " rows"],
    rows: np.ndarray,
    folds: np.ndarray,
    numbers: Sequence[int],
    n_targets: int,
) -> Grid:
    grid = np.full((n_targets, len(numbers)), np.nan)
    for column, number in enumerate(numbers):
        mine = folds == number
        grid[rows[mine], column] = values[mine]
    return grid


def _over_targets(pairs: _Pairs) -> _Pairs:
    """A row for each lineage, its pairs being targets, and a last one of the targets' means over lineages."""
    return _Pairs(*(np.vstack([side.T, _row_means(side)]) for side in (pairs.held_out, pairs.random)))


def _compared(pairs: _Pairs) -> dict[str, np.ndarray]:
    tests = paired_tests(pairs.held_out, pairs.random)
    return {
        "rmse": _row_means(pairs.held_out),
        "rmse_random": _row_means(pairs.random),
        "difference": tests.difference,
        "t": tests.t,
        "t_p": tests.t_p,
        "wilcoxon_p": tests.wilcoxon_p,
    }


def _beyond_mean(pairs: _Pairs, by_mean: _Pairs) -> dict[str, np.ndarray]:
    """The same comparison of how much worse than the training mean's each RMSE is."""
    held_out = differences(pairs.held_out, by_mean.held_out)
    tests = paired_tests(held_out, differences(pairs.random, by_mean.random))
    return {
        "beyond_mean": tests.difference,
        "beyond_mean_t_p": tests.t_p,
        "beyond_mean_wilcoxon_p": tests.wilcoxon_p,
    }


def _share_worse(pairs: _Pairs) -> np.ndarray:
    difference = differences(pairs.held_out, pairs.random)
    return _row_means(np.where(np.isnan(difference), np.nan, difference > 0))


def _row_means(values: np.ndarray) -> np.ndarray:
    """The mean of what is known in each row; NaN where nothing is."""
    known = ~np.isnan(values)
    n = known.sum(axis=1)
    return np.divide(np.where(known, values, 0.0).sum(axis=1), n, out=np.full(len(n), np.nan), where=n > 0)


def _table(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array(columns[f.name], f.type, from_pandas=True) for f in schema], schema=schema)
