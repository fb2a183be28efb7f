"""The numbers of the study against slow twins, and its page from a small trial."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modeling.folds import make_folds
from tasks.dataset.dataset import Dataset
from tasks.fitting.fold import panel_of, target_indices
from tasks.simulation.biology import simulate_arrays
from tests.benchmarks.study import __main__ as command
from tests.benchmarks.study import ablation, datasets, parts
from tests.benchmarks.study.bootstrap import line_weights, mean_r_of_draws, paired
from tests.benchmarks.study.learning import extrapolate, fit_power_law, thinned
from tests.benchmarks.study.measures import Block, OutOfFold, fold_r, ranking, rmse_gain, target_r
from tests.benchmarks.study.results import Result, Scores, read_all
from tests.benchmarks.study.runs import run_folds, run_into_store, settings_for
from tests.benchmarks.study.summary import summary
from tests.benchmarks.study.tables import strong_table
from tests.benchmarks.study.variants import BY_NAME, ordered_targets

LINES, TARGETS = 60, 9


@pytest.fixture(scope="module")
def out() -> OutOfFold:
    """Three folds: levels, gaps, constant targets, constant and missing predictions, far from zero."""
    rng = np.random.default_rng(3)
    measured = rng.standard_normal((LINES, TARGETS))
    measured[:, 1] = np.round(measured[:, 1])
    measured[rng.random(LINES) < 0.3, 2] = np.nan
    measured[:20, 3] = 0.1  # constant in the first fold
    predicted = 0.5 * np.nan_to_num(measured) + rng.standard_normal((LINES, TARGETS))
    predicted[:, 4], predicted[:, 5] = 0.3, np.nan
    measured[:, 6] += 1e6
    predicted[:, 6] += 1e6
    lines = np.split(np.arange(LINES), [20, 41])
    blocks = tuple(Block(own, measured[own], predicted[own], np.nanmean(measured, axis=0)) for own in lines)
    names = tuple(f"L{i}" for i in range(LINES)), tuple(f"T{i}" for i in range(TARGETS))
    return OutOfFold(*names, blocks)


def slow_r(measured: np.ndarray, predicted: np.ndarray) -> float:
    known = ~np.isnan(measured)
    m, p = measured[known], predicted[known]
    if len(m) < 2 or np.ptp(m) == 0:
        return np.nan
    return 0.0 if np.isnan(p).any() or np.ptp(p) == 0 else float(np.corrcoef(m, p)[0, 1])


def slow_mean(out: OutOfFold, drawn: list[np.ndarray]) -> np.ndarray:
    """Mean fold r of each target; `drawn` are the rows of each block, with repeats."""
    means = []
    for target in range(len(out.targets)):
        r = [
            slow_r(b.measured[rows, target], b.predicted[rows, target])
            for b, rows in zip(out.blocks, drawn, strict=True)
        ]
        means.append(np.nanmean(r) if not np.isnan(r).all() else 0.0)
    return np.array(means)


def test_r_is_the_mean_over_folds_of_numpys(out: OutOfFold):
    rows = [np.arange(len(block.lines)) for block in out.blocks]
    np.testing.assert_allclose(target_r(out), slow_mean(out, rows), atol=1e-9)
    assert np.isnan(fold_r(out.blocks[0])[3])
    assert target_r(out)[4] == target_r(out)[5] == 0.0


def test_resampling_by_weights_is_drawing_the_lines(out: OutOfFold):
    weights = line_weights(LINES, draws=40, seed=1)
    assert (weights.sum(axis=1) == LINES).all()
    fast = mean_r_of_draws(out, weights)
    for draw, row in zip(fast, weights, strict=True):
        drawn = [np.repeat(np.arange(len(b.lines)), row[b.lines].astype(int)) for b in out.blocks]
        assert draw == pytest.approx(slow_mean(out, drawn).mean(), abs=1e-8)


def test_an_interval_covers_its_difference_and_narrows_with_lines(out: OutOfFold):
    better = replace(
        out,
        blocks=tuple(
            replace(b, predicted=b.predicted + 0.3 * np.nan_to_num(b.measured - b.mean)) for b in out.blocks
        ),
    )
    weights = line_weights(LINES, draws=200)
    mine, others = (float(target_r(each).mean()) for each in (better, out))
    draws = [mean_r_of_draws(each, weights) for each in (better, out)]
    found = paired([mine], [others], [draws[0]], [draws[1]])
    assert found.difference == pytest.approx(mine - others)
    assert 0 < found.low < found.difference < found.high
    same = paired([mine], [mine], [draws[0]], [draws[0]])
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_gain_and_ranking_have_the_floor_and_the_top_they_should(out: OutOfFold):
    kept = out.of([t for t in out.targets if t != "T6"])

    def with_predictions(share: float) -> OutOfFold:
        blocks = (replace(b, predicted=b.mean + share * (b.measured - b.mean)) for b in kept.blocks)
        return replace(kept, blocks=tuple(blocks))

    assert rmse_gain(with_predictions(0.0)) == pytest.approx(0.0)
    assert rmse_gain(with_predictions(0.4)) == pytest.approx(0.4)
    many = np.random.default_rng(0).standard_normal((30, 50))
    truth = Block(np.arange(30), many, many, np.zeros(50))
    names = tuple(map(str, range(30))), tuple(map(str, range(50)))
    for lower in (True, False):
        assert ranking(OutOfFold(*names, (truth,)), lower)["ndcg"] == pytest.approx(1.0)
        against = OutOfFold(*names, (replace(truth, predicted=-many),))
        assert ranking(against, lower)["found"] == 0.0
    few = OutOfFold(names[0], names[1][:9], (Block(np.arange(30), many[:, :9], many[:, :9], np.zeros(9)),))
    assert all(np.isnan(list(ranking(few, False).values())))  # too few targets to rank, not a bad ranking


def test_a_power_law_is_found_again_and_continued():
    lines = [196.0, 393.0, 590.0, 786.0]
    law = fit_power_law(lines, [0.3 - 1.5 * n**-0.5 for n in lines])
    assert (law.top, law.drop, law.exponent) == pytest.approx((0.3, 1.5, 0.5), abs=1e-6)
    r = np.array([0.12, 0.155, 0.172, 0.183])
    draws = r + 0.005 * np.random.default_rng(0).standard_normal((100, 1))
    more = extrapolate(lines, r, draws, 1600.0)
    assert more.low < more.r < more.high
    assert r[-1] < more.steep < more.slow
    assert fit_power_law(lines, r[::-1]).drop == 0.0  # never falls with lines


def test_a_thinned_fold_keeps_its_test_lines_and_nests():
    fold = make_folds("kfold", 100, 5, 7)[2]
    half, quarter = thinned(fold, 0.5, 7), thinned(fold, 0.25, 7)
    assert len(half.train) == 40
    assert set(quarter.train) < set(half.train) < set(fold.train)
    assert np.array_equal(half.test, fold.test)
    assert thinned(fold, 1.0, 7) is fold


def test_a_store_and_folds_in_this_process_give_the_same(small_dataset: Path, tmp_path: Path):
    dataset, variant = Dataset.open(small_dataset), BY_NAME["reduced_rank"]
    targets = ordered_targets(dataset)[:12]
    stored = run_into_store(dataset, tmp_path / "s" / "s", variant, targets, 7, 0)
    folds = make_folds("kfold", len(dataset.cell_lines), 5, 7)
    here = run_folds(panel_of(dataset), folds, settings_for(variant, 7), targets)
    assert stored.targets == here.targets == tuple(targets)
    for mine, other in zip(stored.blocks, here.blocks, strict=True):
        for name in ("lines", "measured", "predicted", "mean"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(other, name))


def test_ceilings_are_reached_by_the_planted_part_alone():
    world = simulate_arrays(150, 120, seed=3)
    known = datasets.ceilings_of(world, 120, 3)
    truth = world.truth.to_pandas()
    assert set(known) == set(truth["target"])
    assert all(0 < r <= 1 for r in known.values())
    # One linear modifier is all that is planted: the ceiling is the correlation with it.
    single = truth[(truth["kind"] == "linear") & ~truth["target"].duplicated(keep=False)]
    assert len(single)
    for row in single.itertuples():
        assert known[row.target] == pytest.approx(abs(row.planted_pearson), abs=1e-6)
    # More lines and genes of one truth cannot explain more than all of what was planted.
    best = truth.groupby("target")["planted_pearson"].agg(lambda r: r.abs().max())
    assert (best <= best.index.map(known) + 0.15).all()


@pytest.mark.long
def test_a_trial_resumes_and_makes_the_page(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(datasets, "MAKERS", {})
    monkeypatch.setattr(command, "DATA", tmp_path)
    for part in ("levels", "sim3000"):
        (tmp_path / "datasets").mkdir(exist_ok=True)
        (tmp_path / "datasets" / part).symlink_to(small_dataset)
    asked = ["--work", str(tmp_path), "--seeds", "7", "--targets", "6", "--methods", "ridge,reduced_rank"]
    command.main([*asked, "--only", "levels,curve"])
    first = capsys.readouterr()
    assert "| `reduced_rank` |" in first.out
    assert "2000 lines" in first.out
    assert "fold seeds 7" in first.out
    assert str(tmp_path) not in first.out  # where it was made does not matter
    results = read_all(tmp_path, "curve")
    assert {(r.variant, r.detail) for r in results} == {
        (name, share) for name in ("ridge", "reduced_rank") for share in ("25", "50", "75", "100")
    }
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").rglob("*.json")}
    command.main([*asked, "--only", "levels,curve"])
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "results").rglob("*.json")}
    (levels,) = (path for path in files if path.parent.name == "levels" and "ridge." in path.name)
    body = json.loads(levels.read_text())
    assert len(body["r"]) == 6
    assert len(body["scores"]["6"]["draws"]) == 1000


def kept_result(variant: str, r: float, spread: float, targets: int = 3) -> Result:
    """A result whose draws lie `spread` around its mean r."""
    draws = (r + spread * np.linspace(-1, 1, 101)).tolist()
    scores = {targets: Scores(r, gain=0.0, ndcg=0.0, ndcg_chance=0.0, found=0.0, draws=draws)}
    each = {f"T{i}": r for i in range(targets)}
    return Result("levels", variant, 7, "", 60, 48.0, "c", "d", "m", 1.0, each, scores)


def test_the_page_begins_with_the_closest_rival_of_best():
    near, far = kept_result("kernel", 0.18, 0.0), kept_result("ridge", 0.1, 0.0)
    best = kept_result("best", 0.2, 0.01)
    said = summary({"levels": ("Real levels", [near, far, best])})
    assert "in 1 of 1 comparisons, its interval above zero.\n" in said
    assert (
        "| [Real levels](#real-levels) | 3 | 0.200 | 0.180 (`kernel`) | +0.0200 (+0.0105 to +0.0295) |"
        in said
    )
    too_near = summary({"levels": ("Real levels", [kept_result("kernel", 0.195, 0.0), best])})
    assert "in 0 of 1 comparisons" in too_near
    assert "Not so against `kernel` (Real levels, 3 targets)." in too_near
    assert summary({"levels": ("Real levels", [near, far])}) == ""
    assert "By other measures" not in said
    simulated = ("Simulated", [kept_result("quick", 0.3, 0.0), best])
    both = summary({"levels": ("Real levels", [near, best]), "sim3000": simulated})
    assert "in 1 of 1 comparisons" in both
    assert "it is not ahead of `modifiers`, preset quick (Simulated, 3 targets)." in both


def test_strong_targets_are_listed_with_their_mean():
    kernel, best = kept_result("kernel", 0.5, 0.0), kept_result("best", 0.5, 0.0)
    first, second, third = kernel.r
    kernel = replace(kernel, r={first: 0.7, second: 0.9, third: 0.6})
    best = replace(best, r={first: 0.69, second: 0.93, third: 0.1})
    lines = strong_table({"kernel": [kernel], "best": [best]}).splitlines()[2:]
    assert [line.split(" | ")[-1].strip(" |") for line in lines] == ["-0.010", "+0.030", "+0.010"]
    assert lines[-1].startswith("| mean of 2 | 0.800 | 0.810 |")
    assert strong_table({"kernel": [kernel]}) == ""


def test_the_page_says_by_which_other_measures_best_is_behind():
    best = kept_result("best", 0.2, 0.01)
    scores = {3: replace(best.scores[3], gain=0.012, ndcg=-0.0001)}
    said = summary(
        {"levels": ("Real levels", [replace(kept_result("kernel", 0.1, 0.0), scores=scores), best])}
    )
    assert "it is behind on real data in RMSE gain (Real levels: 0.0 %; `kernel`: 1.2 %).\n" in said


def test_the_seeds_of_the_study_are_kept_for_it():
    assert parts.SEEDS == (101, 102, 103)
    with pytest.raises(SystemExit, match="nothing-such unknown; known are levels"):
        command.asked_of(["--only", "nothing-such"])


@pytest.mark.long
@pytest.mark.skipif(bool(BY_NAME["best"].missing), reason="no method best")
def test_each_part_of_best_that_is_left_out_changes_predictions(small_dataset: Path):
    """Of the gate and the range it may be that no target is touched: then nothing else may change."""
    dataset = Dataset.open(small_dataset)
    panel, targets = panel_of(dataset), ordered_targets(dataset)[:25]
    fold = make_folds("kfold", len(dataset.cell_lines), 5, 7)[:1]
    settings = settings_for(BY_NAME["best"], 7)
    made = {
        part: run_folds(panel, fold, settings, targets, method).blocks[0].predicted
        for part, method in ablation.methods().items()
    }
    plain = run_folds(panel, fold, settings, targets).blocks[0].predicted
    np.testing.assert_array_equal(made["whole"], plain)
    changed = {part for part, predicted in made.items() if not np.array_equal(predicted, plain)}
    assert changed >= made.keys() - {"whole", "gate", "clipping"}
    effects = panel.effect[fold[0].train][:, target_indices(panel, targets)]
    low, high = np.nanmin(effects, axis=0), np.nanmax(effects, axis=0)
    np.testing.assert_allclose(np.clip(made["clipping"], low, high), plain, atol=1e-9)
