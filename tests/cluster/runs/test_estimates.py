"""Estimates against core-seconds measured on real data (docs/results.md, docs/benchmarks.md)."""

import pytest

from cluster.runs.estimates import fold_work_seconds, preparation_seconds, target_seconds
from cluster.store.units import FIT, SEARCH, fold_level_unit
from modeling.candidates.registry import BUILT, PRESETS, candidates_of
from tasks.methods.registry import METHODS
from tasks.networks.training import NETWORK_METHODS

PANEL = {"genes": 535, "lines": 983}  # of the real data; 786 of the lines train
FACTOR = 3.0  # what `plan` says


def near(estimate: float, measured: float) -> bool:
    return measured / FACTOR < estimate < measured * FACTOR


@pytest.mark.parametrize("candidates", [*PRESETS, *((name,) for name in BUILT)])
def test_every_candidate_has_an_estimate(candidates) -> None:  # type: ignore[no-untyped-def]
    assert target_seconds("modifiers", candidates, **PANEL) > 0
    assert all(each.fit_seconds(720) > 0 for each in candidates_of(candidates))


@pytest.mark.parametrize(
    ("method", "candidates", "measured"),
    [
        ("modifiers", "quick", 0.0050),
        ("modifiers", "published", 0.37),
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
    assert near(target_seconds(method, candidates, **PANEL), measured)


def test_all_modifiers_cost_one_xgboost_and_one_modifier_less() -> None:
    alone = target_seconds("modifiers", ("xgboost",), **PANEL)
    every = target_seconds("all_modifiers", "quick", **PANEL)
    one = target_seconds("one_modifier", "quick", **PANEL)
    assert one < every == alone


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"modifiers"}))
def test_only_modifiers_read_the_preset(method: str) -> None:
    assert len({target_seconds(method, preset, **PANEL) for preset in PRESETS}) == 1


def test_a_whole_genome_costs_about_what_was_measured() -> None:
    genome = {"genes": 18_000, "lines": 1000}  # 800 train
    assert near(target_seconds("kernel", "quick", **genome), 0.00063)
    assert near(preparation_seconds("kernel", **genome), 6.1)
    assert near(preparation_seconds("ridge", **genome), 0.9)
    assert near(preparation_seconds("kernel", **PANEL), 4.3)
    assert near(preparation_seconds("ridge", **PANEL), 0.08)
    assert near(preparation_seconds("modifiers", 18_000, 900), 0.59)
    assert preparation_seconds("latent", **genome) == 0


@pytest.mark.parametrize(
    ("method", "variable", "genes", "lines", "measured"),
    [
        ("latent", 4042, 535, 983, 58.8),
        ("plain", 4042, 535, 983, 9.2),
        ("latent", 157, 600, 300, 9.0),
        ("plain", 157, 600, 300, 0.3),
        ("latent", 4900, 17_000, 875, 493),
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
    assert near(fold_work_seconds(fold_level_unit(method, 0), genes, lines, 0, genes, variable), measured)


@pytest.mark.parametrize("method", NETWORK_METHODS)
def test_a_search_costs_more_than_the_networks(method: str) -> None:
    trained, searched = (
        fold_work_seconds(fold_level_unit(method, 0, work), 535, 983, 0, 0, 4042) for work in (FIT, SEARCH)
    )
    assert trained < searched < 13 * trained
