"""What a fold's work is said to take, from a part of it."""

from collections.abc import Iterator

import pytest

from modeling.folds import make_folds
from tasks.fitting.fold import FoldResult, Panel
from tasks.methods.cost import DataSize
from tasks.methods.in_memory import fold_work_here
from tasks.methods.method import FIT, SEARCH, FoldJob
from tasks.methods.networks import TRIAL_EPOCHS, usual_epochs
from tasks.methods.registry import method_named
from tasks.methods.timed import timed
from tests.contracts.method import FOLDS, LINES, SEED, settings_for, small_panel

FOLD = {fold.number: fold for fold in make_folds("kfold", LINES, FOLDS, SEED)}


def blocks_of(sizes: list[int], taken: list[int]) -> Iterator[list[int]]:
    """Blocks of targets that note how many were asked for."""
    for size in sizes:
        taken.append(size)
        yield list(range(size))


@pytest.mark.parametrize(("method", "works"), [("ridge", set()), ("best", {FIT})])
def test_each_piece_takes_time(method: str, works: set[str]) -> None:
    cost = timed(small_panel(), FOLD, 1, settings_for(method_named(method)), [[0, 1], [2, 3]], 60.0)
    assert cost.target > 0
    assert cost.preparation > 0
    assert cost.fold_work.keys() == works
    assert all(seconds > 0 for seconds in cost.fold_work.values())


def test_a_fold_level_method_has_no_targets() -> None:
    cost = timed(small_panel(), FOLD, 1, settings_for(method_named("profiles")), [], 60.0)
    assert (cost.target, cost.preparation) == (0.0, 0.0)
    assert cost.fold_work[FIT] > 0


@pytest.mark.parametrize(("seconds", "asked"), [(0.0, 1), (60.0, 3)])
def test_targets_are_fitted_until_the_time_is_over_one_block_at_least(seconds: float, asked: int) -> None:
    taken: list[int] = []
    timed(small_panel(), FOLD, 1, settings_for(method_named("ridge")), blocks_of([3, 2, 1], taken), seconds)
    assert len(taken) == asked


@pytest.mark.parametrize("method", ["plain", "latent"])
def test_networks_are_tried_for_a_few_epochs_and_reckoned_for_all(method: str) -> None:
    networks, panel = method_named(method), small_panel()
    job = FoldJob(FIT, panel, FOLD[1], settings_for(networks))
    result, seconds = networks.try_on_fold(job)
    rows = result.tables["networks"].to_pylist()
    assert [row["epochs"] for row in rows] == [TRIAL_EPOCHS] * len(rows)
    assert seconds == pytest.approx(_reckoned(result, method, panel))
    result, searched = networks.try_on_fold(FoldJob(SEARCH, panel, FOLD[1], settings_for(networks)))
    size = DataSize(len(panel.genes), len(panel.cell_lines), variable=len(panel.variable))
    said = networks.cost(size, settings_for(networks)).fold_work
    assert said[SEARCH] > said[FIT]
    assert searched / _reckoned(result, method, panel) == pytest.approx(said[SEARCH] / said[FIT])


def _reckoned(result: FoldResult, method: str, panel: Panel) -> float:
    """Seconds of the usual number of epochs, each as long as the trial's were."""
    rows, usual = result.tables["networks"].to_pylist(), usual_epochs(method, len(panel.genes))
    return sum(row["seconds"] * n / TRIAL_EPOCHS for row, n in zip(rows, usual, strict=True))


def test_networks_of_expression_stop_sooner_with_more_genes() -> None:
    expression = [usual_epochs("latent", genes)[0] for genes in (50, 508, 1000, 3000, 6000, 15_800)]
    assert expression[0] == 300
    assert expression == sorted(expression, reverse=True)
    seen = [264, 62, 57, 36]  # with so many real genes, and simulated ones
    assert [expression[i] for i in (1, 3, 4, 5)] == pytest.approx(seen, rel=0.06)


def test_other_work_is_done_as_a_whole_when_tried() -> None:
    best, panel = method_named("best"), small_panel()
    (whole,) = fold_work_here(best, panel, FOLD, 1, settings_for(best)).values()
    (tried,) = fold_work_here(best, panel, FOLD, 1, settings_for(best), trial=True).values()
    assert whole.result.files == tried.result.files
    assert (whole.seconds, tried.seconds > 0) == (0.0, True)
