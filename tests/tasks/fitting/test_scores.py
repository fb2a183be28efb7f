"""Targets scored together: the bits of each alone, and the numbers of scipy and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from modeling.folds import Fold
from tasks.fitting.baselines import Baselines
from tasks.fitting.fit import BlockFit
from tasks.fitting.fold import Panel
from tasks.fitting.scores import AT_ONCE, FoldFit, Scored, scored

LINES, TARGETS = 90, 2 * AT_ONCE + 7


def made_panel(rng: np.random.Generator) -> Panel:
    """Targets measured on all lines, on lines that others lack too, and on lines of their own."""
    effect = rng.normal(size=(LINES, TARGETS)).astype(np.float32)
    effect[np.ix_(rng.permutation(LINES)[:12], np.arange(0, TARGETS, 5))] = np.nan
    effect[rng.random(LINES) < 0.1, 3] = np.nan
    effect[:, 7] = 0.5
    own = np.where(np.arange(TARGETS) % 4 == 0, -1, np.arange(TARGETS) % 20)
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(LINES)),
        genes=tuple(f"G{i}" for i in range(20)),
        targets=tuple(f"T{i}" for i in range(TARGETS)),
        expression=rng.normal(size=(LINES, 20)).astype(np.float32),
        effect=effect,
        own=own,
        lineages=rng.integers(-1, 6, LINES),
        covariates=rng.normal(size=(LINES, 3)).astype(np.float32),
    )


def made_fits(panel: Panel, fold: Fold, rng: np.random.Generator) -> list[FoldFit]:
    """Predictions near what was measured; a few targets failed, and one has no measured test line."""
    fits = []
    for target in range(TARGETS):
        y = panel.effect[:, target].astype(np.float64)
        train = fold.train[~np.isnan(y[fold.train])]
        failed = target % 11 == 10
        fit = BlockFit(
            target=target,
            train=train,
            train_mean=float(y[train].mean()),
            method="made",
            test=fold.test,
            predictions=0.3 * np.nan_to_num(y[fold.test]) + rng.normal(size=len(fold.test)),
            seconds=0.0,
            status="failed" if failed else "ok",
            reason="planted" if failed else None,
            by_expression=rng.normal(size=len(fold.test)) if target % 3 else None,
        )
        fits.append(FoldFit(fold, fit, {"method": "made", "target": f"T{target}", "fold": fold.number}))
    return fits


@pytest.fixture(scope="module")
def case() -> tuple[Panel, list[FoldFit], list[Scored]]:
    rng = np.random.default_rng(0)
    panel = made_panel(rng)
    fold = Fold(0, "0", np.arange(0, LINES - 20), np.arange(LINES - 20, LINES))
    panel.effect[fold.test, 13] = np.nan
    fits = made_fits(panel, fold, rng)
    return panel, fits, scored(panel, fits, Baselines(panel))


def test_a_target_has_the_same_bits_in_any_company(case: tuple[Panel, list[FoldFit], list[Scored]]) -> None:
    panel, fits, together = case
    for each, found in zip(fits, together, strict=True):
        (alone,) = scored(panel, [each], Baselines(panel))
        np.testing.assert_equal(found.score, alone.score)
        np.testing.assert_equal(list(found.predictions), list(alone.predictions))


def test_scores_are_scipys_and_baselines_the_librarys(
    case: tuple[Panel, list[FoldFit], list[Scored]],
) -> None:
    panel, fits, together = case
    compared = 0
    for each, found in zip(fits, together, strict=True):
        fit, y = each.fit, panel.effect[:, each.fit.target].astype(np.float64)
        test = each.fold.test[~np.isnan(y[each.fold.test])]
        assert found.score["n_test"] == len(test)
        if fit.status == "failed" or not len(test):
            assert not found.predictions
            assert "pearson" not in found.score
            continue
        (rows,) = found.predictions
        predicted, measured = fit.predict(panel, test), y[test]
        assert list(rows["cell_line"]) == [f"L{i}" for i in test]
        np.testing.assert_array_equal(rows["measured"], measured)
        np.testing.assert_array_equal(rows["predicted"], predicted)
        assert found.score["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - measured) ** 2)))
        assert found.score["rmse_mean"] == pytest.approx(np.sqrt(np.mean((measured - fit.train_mean) ** 2)))
        lineages, train = panel.lineages, fit.train
        means = [y[train][lineages[train] == lineages[line]] for line in test]
        by_lineage = [
            here.mean() if len(here) and lineages[line] >= 0 else y[train].mean()
            for here, line in zip(means, test, strict=True)
        ]
        np.testing.assert_allclose(rows["predicted_lineage"], by_lineage, rtol=1e-12)
        own = panel.own[fit.target]
        if own < 0:
            assert np.isnan(rows["predicted_own"]).all()
            assert np.isnan(found.score["pearson_own"])
        else:
            x = panel.expression[:, [own]].astype(np.float64)
            slow = LinearRegression().fit(x[train], y[train]).predict(x[test])
            np.testing.assert_allclose(rows["predicted_own"], slow, rtol=1e-9, atol=1e-12)
        if np.ptp(measured) == 0:
            assert np.isnan(found.score["pearson"])
            continue
        for column, name in (("predicted", "pearson"), ("predicted_confounders", "pearson_confounders")):
            assert found.score[name] == pytest.approx(stats.pearsonr(rows[column], measured).statistic)
        assert found.score["spearman"] == pytest.approx(stats.spearmanr(predicted, measured).statistic)
        assert np.isnan(found.score["pearson_expression"]) == (fit.by_expression is None)
        compared += 1
    assert compared > AT_ONCE
