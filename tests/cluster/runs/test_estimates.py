"""Estimates against core-seconds measured on real data (docs/results.md, docs/benchmarks.md)."""

import pytest

from cluster.store.units import FINAL_FOLD
from modeling.candidates.registry import BUILT, PRESETS
from tasks.methods.cost import DataSize
from tasks.methods.method import FIT, SEARCH
from tasks.methods.registry import method_named, method_names
from tests.costs import cost_of, costs_of

PANEL = DataSize(genes=535, cell_lines=983)  # of the real data; 786 of the lines train
FACTOR = 3.0  # what `plan` says


def near(estimate: float, measured: float) -> bool:
    return measured / FACTOR < estimate < measured * FACTOR


@pytest.mark.parametrize("candidates", [*PRESETS, *((name,) for name in BUILT)])
def test_every_candidate_has_an_estimate(candidates) -> None:  # type: ignore[no-untyped-def]
    assert cost_of("modifiers", PANEL, candidates).target > cost_of("kernel", PANEL).target


@pytest.mark.parametrize(
    ("genes", "lines", "measured"),
    [(535, 983, 1.14), (1000, 900, 1.98), (18_000, 900, 2.27), (18_000, 1800, 6.2)],
)
def test_a_forest_costs_what_was_measured_to_a_factor_of_one_and_a_half(
    genes: int, lines: int, measured: float
) -> None:
    """Simulated panels, one numerical thread, a fifth of the lines held out."""
    estimate = cost_of("forest", DataSize(genes, lines)).target
    assert measured / 1.5 < estimate < measured * 1.5


@pytest.mark.parametrize(
    ("method", "candidates", "measured"),
    [
        ("modifiers", "quick", 0.0050),
        ("modifiers", "published", 0.37),
        ("modifiers", "careful", 0.03),
        ("modifiers", ("lasso",), 0.0034),
        ("modifiers", ("ols",), 0.0032),
        ("modifiers", ("ridge",), 0.0027),
        ("modifiers", ("tree",), 0.0036),
        ("modifiers", ("xgboost",), 0.20),
        ("modifiers", ("deep",), 0.18),
        ("modifiers", ("gp",), 0.36),
        ("modifiers", ("gp_noiseless",), 0.22),
        ("modifiers", ("forest",), 0.15),
        ("modifiers", ("xgboost+deep",), 0.31),
        ("all_modifiers", "quick", 0.15),
        ("one_modifier", "published", 0.055),
        ("forest", "quick", 0.94),
    ],
)
def test_a_target_of_the_real_data_costs_about_what_was_measured(method, candidates, measured) -> None:  # type: ignore[no-untyped-def]
    assert near(cost_of(method, PANEL, candidates).target, measured)


def test_all_modifiers_cost_one_xgboost_and_one_modifier_less() -> None:
    alone = cost_of("modifiers", PANEL, ("xgboost",)).target
    every = cost_of("all_modifiers", PANEL, "quick").target
    one = cost_of("one_modifier", PANEL, "quick").target
    assert one < every == alone


@pytest.mark.parametrize("method", sorted(set(method_names()) - {"modifiers"}))
def test_only_modifiers_read_the_preset(method: str) -> None:
    assert len({cost_of(method, PANEL, preset).target for preset in PRESETS}) == 1


def test_a_whole_genome_costs_about_what_was_measured() -> None:
    genome = DataSize(genes=18_000, cell_lines=1000)  # 800 train
    assert near(cost_of("kernel", genome).target, 0.00063)
    assert near(cost_of("kernel", genome).preparation, 6.1)
    assert near(cost_of("ridge", genome).preparation, 0.9)
    assert near(cost_of("kernel", PANEL).preparation, 4.3)
    assert near(cost_of("ridge", PANEL).preparation, 0.08)
    assert near(cost_of("modifiers", DataSize(18_000, 900)).preparation, 0.59)
    assert cost_of("latent", genome).preparation == 0


@pytest.mark.parametrize(
    ("method", "variable", "genes", "lines", "measured"),
    [
        ("latent", 4042, 535, 983, 58.8),
        ("plain", 4042, 535, 983, 9.2),
        ("latent", 157, 600, 300, 9.0),
        ("plain", 157, 600, 300, 0.3),
        ("latent", 4900, 17_000, 875, 101),  # 493 for 300 epochs of each network; as many as are usual
        ("profiles", 0, 18_000, 630, 270),
        ("profiles", 0, 506, 983, 4.9),
        ("profiles", 0, 2000, 60, 6.5),
        ("profiles", 0, 2000, 300, 14.1),
        ("profiles", 0, 6000, 300, 47.0),
        ("profiles", 0, 15_000, 40, 18.9),
        ("profiles", 0, 120, 150, 0.42),
    ],
)
def test_a_fold_as_a_whole_costs_about_what_was_measured(  # type: ignore[no-untyped-def]
    method, variable, genes, lines, measured
) -> None:
    size = DataSize(genes, lines, 0, genes, variable)
    assert near(cost_of(method, size).fold_work[FIT], measured)


@pytest.mark.parametrize(
    ("lines", "genes", "variable", "fold", "preparation", "target"),
    [
        (150, 1500, 300, 0.155, 0.025, 0.0014),
        (300, 3000, 600, 0.68, 0.09, 0.0021),
        (300, 18_000, 600, 0.83, 0.29, 0.0030),
        (700, 3000, 800, 4.6, 0.47, 0.0036),
        (1000, 3000, 1200, 10.3, 0.95, 0.0045),
        (1000, 18_000, 4000, 17.0, 2.4, 0.0058),
    ],
)
def test_best_costs_what_was_measured_to_a_factor_of_one_and_a_half(  # type: ignore[no-untyped-def]
    lines, genes, variable, fold, preparation, target
) -> None:
    """Core-seconds of one thread, less what other work on the machine slowed matrix products down by."""
    cost = cost_of("best", DataSize(genes, lines, 0, genes, variable))
    estimates = (cost.fold_work[FIT], cost.preparation, cost.target)
    for estimate, measured in zip(estimates, (fold, preparation, target), strict=True):
        assert measured / 1.5 < estimate < measured * 1.5


def test_the_final_fold_costs_more_as_all_lines_train() -> None:
    costs = costs_of(18_000, 1000)
    final, fold = costs.of("best", FINAL_FOLD), costs.of("best", 0)
    assert final.fold_work[FIT] > 1.4 * fold.fold_work[FIT]
    assert final.target > fold.target
    assert costs.of("best") == fold


@pytest.mark.parametrize("method", [name for name in method_names() if method_named(name).checkpoints])
def test_a_search_costs_more_than_the_networks(method: str) -> None:
    work = cost_of(method, DataSize(535, 983, 0, 0, 4042)).fold_work
    assert work[FIT] < work[SEARCH] < 13 * work[FIT]
