"""Targets' predictions for the test lines of a fold against what was measured there, as rows of tables.

Targets measured on the same lines are scored together, in matrices that stay in a core's cache. Each one's
numbers have the same bits in any company (`modeling.statistics.metrics`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.folds import Fold
from modeling.statistics.metrics import Measured
from tasks.fitting.baselines import Baselines
from tasks.fitting.fit import BlockFit, Fit
from tasks.fitting.fold import Panel
from tasks.fitting.rows import Row

AT_ONCE = 128  # targets
Matrix = Float64[np.ndarray, "targets test"]


@dataclass(frozen=True)
class FoldFit:
    """A target's fit, the fold whose lines it learned from and is tested on, and what begins its rows."""

    fold: Fold
    fit: Fit
    unit: Row


@dataclass(frozen=True)
class Scored:
    """A target's row of `scores`, and its block of `predictions` (none where nothing is predicted)."""

    score: Row
    predictions: Sequence[Row] = ()


@dataclass(frozen=True)
class _Tested:
    """A fit with the test lines where its target was measured, and what it predicts there."""

    place: int
    of: FoldFit
    test: Int64[np.ndarray, " test"]
    predicted: Float64[np.ndarray, " test"]


def scored(panel: Panel, fits: Sequence[FoldFit], baselines: Baselines) -> list[Scored]:
    """Score the fits of a method, in their order."""
    found: list[Scored] = []
    for start in range(0, len(fits), AT_ONCE):
        found += _scored_block(panel, fits[start : start + AT_ONCE], baselines)
    return found


def _scored_block(panel: Panel, fits: Sequence[FoldFit], baselines: Baselines) -> list[Scored]:
    targets = np.array([each.fit.target for each in fits], dtype=np.int64)
    effect = panel.effect.T[targets].astype(np.float64, order="C")
    done: list[Scored] = []
    tested: list[_Tested] = []
    measured = ~np.isnan(effect)
    on_all = np.logical_and.reduce(measured, axis=1)
    for place, each in enumerate(fits):
        test = each.fold.test if on_all[place] else _measured_of(each.fold.test, measured[place])
        predicted = each.fit.predict(panel, test) if len(test) else None
        done.append(Scored(_score(each, len(test))))
        if predicted is not None:
            tested.append(_Tested(place, each, test, predicted))
    for group in _of_same_lines(tested):
        places = [one.place for one in group]
        of_group = effect if len(group) == len(fits) else effect[places]
        columns, scores = _compared(panel, group, of_group, baselines)
        names = baselines.names(group[0].of.fit.train, group[0].test)
        for row, (one, numbers) in enumerate(zip(group, scores, strict=True)):
            lines = {"cell_line": names} | {name: matrix[row] for name, matrix in columns.items()}
            done[one.place] = Scored(done[one.place].score | numbers, [one.of.unit | lines])
    return done


def _measured_of(
    test: Int64[np.ndarray, " test"], measured: Bool[np.ndarray, " cell_lines"]
) -> Int64[np.ndarray, " some"]:
    known = measured[test]
    return test if known.all() else test[known]


def _score(of: FoldFit, n_test: int) -> Row:
    fit = of.fit
    return of.unit | {
        "model": fit.model,
        "n_train": len(fit.train),
        "n_test": n_test,
        "n_modifiers": len(fit.modifiers) if fit.modifiers else 0,
        "train_mean": fit.train_mean,
        "status": fit.status,
        "reason": fit.reason,
        "seconds": fit.seconds,
    }


def _of_same_lines(tested: Sequence[_Tested]) -> Iterator[list[_Tested]]:
    """Those that learned from the same lines and are tested on the same ones."""
    groups: dict[tuple[bytes, bytes], list[_Tested]] = {}
    last: _Tested | None = None
    for each in tested:
        if last is None or each.of.fit.train is not last.of.fit.train or each.test is not last.test:
            key = each.of.fit.train.tobytes(), each.test.tobytes()
        groups.setdefault(key, []).append(each)
        last = each
    yield from groups.values()


def _compared(
    panel: Panel,
    group: Sequence[_Tested],
    effect: Float64[np.ndarray, "targets cell_lines"],
    baselines: Baselines,
) -> tuple[dict[str, Matrix], Iterator[Row]]:
    """Columns of `predictions` as matrices, and each target's numbers for `scores`."""
    train, test = group[0].of.fit.train, group[0].test
    targets = np.array([each.of.fit.target for each in group], dtype=np.int64)
    means = np.array([each.of.fit.train_mean for each in group], dtype=np.float64)
    measured = np.take(effect, test, axis=1)
    columns = {"predicted": np.stack([each.predicted for each in group])}
    columns |= baselines.of(targets, np.take(effect, train, axis=1), train, test)
    columns["predicted_expression"] = _by_expression(group)
    compared = Measured(measured)
    numbers = {
        "pearson": compared.pearson(columns["predicted"]),
        "spearman": compared.spearman(columns["predicted"]),
        "rmse": compared.rmse(columns["predicted"]),
        "rmse_mean": compared.rmse(np.broadcast_to(means[:, None], measured.shape)),
        "pearson_lineage": compared.pearson(columns["predicted_lineage"]),
        "pearson_own": compared.pearson(columns["predicted_own"]),
        "pearson_confounders": compared.pearson(columns["predicted_confounders"]),
        "pearson_expression": compared.pearson(columns["predicted_expression"]),
    }
    by_target = zip(*(column.tolist() for column in numbers.values()), strict=True)
    return {"measured": measured} | columns, (dict(zip(numbers, row, strict=True)) for row in by_target)


def _by_expression(group: Sequence[_Tested]) -> Matrix:
    """What expression alone predicts, of fits that have other inputs too; NaN of others."""
    predicted = np.full((len(group), len(group[0].test)), np.nan)
    for row, each in enumerate(group):
        fit = each.of.fit
        if isinstance(fit, BlockFit) and fit.by_expression is not None:
            predicted[row] = fit.by_expression[np.searchsorted(each.of.fold.test, each.test)]
    return predicted
