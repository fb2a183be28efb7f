import math
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.runs.planning import (
    BLOCK_SECONDS,
    ENGINE_BYTES,
    SHARDS_PER_SLOT,
    make_shards,
    summarise,
)
from cluster.scheduling.shards import name_shard
from cluster.store.units import FINAL_FOLD, Unit, fold_level_unit, shard_key
from modeling.folds import make_folds
from modeling.selection.association import Tile
from modeling.selection.prepared import prepare_genes
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.cost import WORKER_BYTES
from tasks.methods.forest import GENES as FOREST_GENES
from tasks.methods.registry import method_names, prepare_method_fold
from tests.costs import costs_of, prepared_from_data

RUN = "a" * 64
PREPARED_FROM_DATA = prepared_from_data()
QUICK = costs_of(18_000, 720)


def units_of(targets: int, folds: tuple[int, ...] = (0,), method: str = "modifiers") -> list[Unit]:
    return [Unit(method, f"G{i}", fold) for fold in folds for i in range(targets)]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ridge", "modifiers"]), st.integers(0, 30), st.integers(-1, 2)),
        max_size=80,
    ),
    st.integers(1, 5),
    st.none() | st.integers(1, 9),
)
def test_every_unit_stands_in_exactly_one_shard_of_its_method_and_fold(parts, slots, size) -> None:  # type: ignore[no-untyped-def]
    units = [Unit(method, f"G{target}", fold) for method, target, fold in parts]
    shards = make_shards(units, RUN, QUICK, slots, size)
    placed = [unit for shard in shards for unit in shard.units]
    assert len(placed) == len(set(placed))
    assert set(placed) == set(units)
    for shard in shards:
        assert {(u.method, u.fold) for u in shard.units} == {(shard.method, shard.fold)}
        assert shard.key == shard_key(RUN, shard.units)
        assert size is None or len(shard.units) <= size


def test_targets_keep_the_order_they_came_in() -> None:
    units = [Unit("modifiers", name, 0) for name in ("Z", "A", "M", "B", "Y", "C")]
    shards = make_shards(units, RUN, QUICK, slots=1, shard_size=2)
    assert [u.target for s in shards for u in s.units] == ["Z", "A", "M", "B", "Y", "C"]


def test_the_final_fit_comes_after_the_folds() -> None:
    shards = make_shards(units_of(4, (FINAL_FOLD, 1, 0)), RUN, QUICK, slots=1)
    folds = [shard.fold for shard in shards]
    assert folds == sorted(folds, key=lambda fold: (fold == FINAL_FOLD, fold))
    assert folds[-1] == FINAL_FOLD


def test_a_whole_genome_is_cut_into_blocks_of_about_a_minute() -> None:
    shards = make_shards(units_of(18_000, tuple(range(5))), RUN, QUICK, slots=1)
    seconds = [QUICK.seconds(shard) for shard in shards]
    assert all(BLOCK_SECONDS / 2 <= s <= 2 * BLOCK_SECONDS for s in seconds)


def test_a_small_job_still_feeds_every_slot() -> None:
    shards = make_shards(units_of(100), RUN, QUICK, slots=4)
    assert len(shards) >= SHARDS_PER_SLOT * 4
    sizes = {len(shard.units) for shard in shards}
    assert max(sizes) - min(sizes) <= 1


def test_the_dearest_preset_is_cut_finest_and_one_target_is_the_least() -> None:
    published = costs_of(18_000, 720, preset="published")
    shards = make_shards(units_of(18_000), RUN, published, slots=2)
    assert math.isclose(len(shards[0].units), BLOCK_SECONDS / published.of("modifiers").target, rel_tol=0.1)
    endless = costs_of(18_000, 720 * 1000, preset="published")
    assert {len(s.units) for s in make_shards(units_of(20), RUN, endless, slots=1)} == {1}


def test_a_shard_of_two_folds_or_of_nothing_is_refused() -> None:
    for units in ([], units_of(1, (0, 1))):
        with pytest.raises(ValueError, match="one method and one fold"):
            name_shard(RUN, units)


def test_the_summary_says_what_is_reused_and_what_the_rest_costs() -> None:
    wanted = units_of(10, (0, FINAL_FOLD))
    committed = set(wanted[:4])
    shards = make_shards([u for u in wanted if u not in committed], RUN, QUICK, slots=2, shard_size=3)
    summary = summarise(wanted, committed, shards, QUICK, slots=2)
    assert [(line.fold, line.wanted, line.reused) for line in summary.lines] == [
        (0, 10, 4),
        (FINAL_FOLD, 10, 0),
    ]
    assert (summary.wanted, summary.reused, summary.shards) == (20, 4, len(shards))
    fold, final = QUICK.of("modifiers", 0), QUICK.of("modifiers", FINAL_FOLD)
    expected = 6 * fold.target + fold.preparation + 10 * final.target + final.preparation
    assert math.isclose(summary.core_seconds, expected)
    assert math.isclose(summary.seconds, summary.core_seconds / 2)
    assert summary.memory_bytes > 18_000 * 720 * 20


def test_each_slot_is_counted_with_one_tile_of_the_association_and_the_genes_of_a_pattern() -> None:
    genes = prepare_genes(np.random.default_rng(0).normal(size=(8, 200)))
    tile = sum(table.nbytes for table in Tile.for_genes(genes).rough)
    costs = costs_of(200, 8)
    again = costs.of("modifiers").fold_bytes
    assert costs.memory(3, ["modifiers"]) - costs.memory(2, ["modifiers"]) == WORKER_BYTES + tile + again


def test_memory_is_that_of_matrices_two_folds_workers_the_driver_and_ray() -> None:
    costs = costs_of(200, 8)
    one = costs.of("modifiers")
    matrices = 4 * (200 + costs.size.n_profiled) * 8
    expected = ENGINE_BYTES + matrices + 2 * one.fold_bytes + 3 * one.worker_bytes
    assert costs.memory(3, ["modifiers"]) == expected


@pytest.mark.parametrize("method", PREPARED_FROM_DATA)
def test_a_prepared_fold_holds_about_what_is_estimated(method: str) -> None:
    """Never more, and not much less; `kernel` and `ridge` need some of it only while they prepare."""
    lines, genes = 300, FOREST_GENES + 200
    rng = np.random.default_rng(0)
    panel = Panel(
        cell_lines=tuple(map(str, range(lines))),
        genes=tuple(map(str, range(genes))),
        targets=("A",),
        expression=rng.random((lines, genes), dtype=np.float32),
        effect=rng.random((lines, 1), dtype=np.float32),
        own=np.array([0]),
        lineages=np.zeros(lines, dtype=np.int64),
    )
    fold = make_folds("kfold", lines, 5, 0)[0]
    shard = MethodSettings(method, "quick", SelectionSettings(), 0)
    held = bytes_of(prepare_method_fold(panel, fold, shard))
    costs = costs_of(genes, lines)
    preparing = 8 * genes * lines if method in ("ridge", "kernel") else 0
    assert costs.of(method).fold_bytes - preparing <= 1.6 * held
    assert held <= costs.of(method).fold_bytes - preparing
    few = costs_of(FOREST_GENES, lines)
    assert few.of("forest").fold_bytes == 0  # all genes are kept, nothing is chosen


def bytes_of(prepared: object) -> int:
    """Of all arrays within dataclasses."""
    parts = [getattr(prepared, field.name) for field in fields(prepared)]  # type: ignore[arg-type]
    arrays = sum(part.nbytes for part in parts if isinstance(part, np.ndarray))
    return arrays + sum(bytes_of(part) for part in parts if is_dataclass(part))


def test_a_run_of_several_methods_needs_what_the_dearest_needs() -> None:
    each = [QUICK.memory(2, [method]) for method in method_names()]
    assert QUICK.memory(2, method_names()) == max(each)
    assert QUICK.memory(2, ["forest"]) != QUICK.memory(2, ["modifiers"]) != QUICK.memory(2, ["kernel"])
    wanted = units_of(3, method="ridge")
    summary = summarise(wanted, set(), make_shards(wanted, RUN, QUICK, 2), QUICK, 2)
    assert summary.memory_bytes == QUICK.memory(2, ["ridge"])


def test_a_forest_costs_by_lines_and_by_the_genes_it_keeps() -> None:
    seconds = costs_of(FOREST_GENES, 720).of("forest").target
    genome = costs_of(18_000, 720, preset="published").of("forest").target
    assert seconds < genome < 1.1 * seconds  # choosing among all genes is one product
    assert costs_of(FOREST_GENES // 2, 720).of("forest").target == pytest.approx(seconds / 2, rel=0.01)
    assert 2 * seconds < costs_of(FOREST_GENES, 1440).of("forest").target < 4 * seconds
    shards = make_shards(units_of(400, method="forest"), RUN, QUICK, slots=2)
    assert all(BLOCK_SECONDS / 2 <= QUICK.seconds(shard) <= 2 * BLOCK_SECONDS for shard in shards)


def test_nothing_wanted_is_nothing_planned() -> None:
    assert make_shards([], RUN, QUICK, slots=2) == []
    assert summarise([], set(), [], QUICK, 2).wanted == 0


def test_a_fold_of_drugs_costs_by_drugs_and_its_deadline_grows_with_them() -> None:
    """CTRP, 545 drugs x 983 lines, took some 100 core-seconds a fold."""
    fold = name_shard(RUN, [fold_level_unit("drugs", 0)])
    ctrp, primary = (costs_of(535, 983, drugs) for drugs in (545, 4518))
    assert 50 < ctrp.seconds(fold) < 300
    assert primary.seconds(fold) == pytest.approx(ctrp.seconds(fold) * 4518 / 545)


def test_a_fold_as_a_whole_is_not_shared_by_workers() -> None:
    wanted = [fold_level_unit("drugs", 0)]
    costs = costs_of(535, 983, 545)
    summary = summarise(wanted, set(), make_shards(wanted, RUN, costs, 8), costs, 8)
    assert summary.seconds == summary.core_seconds > 50  # nothing is prepared for it
    both = [*wanted, fold_level_unit("drugs", 1)]
    summary = summarise(both, set(), make_shards(both, RUN, costs, 2), costs, 2)
    assert summary.seconds == pytest.approx(summary.core_seconds / 2)


def test_a_node_needs_room_for_the_matrices_and_two_folds() -> None:
    costs = costs_of(18_000, 1000)
    needs = costs.needs(["ridge", "best"], 1 << 20)
    folds = [costs.of(method, FINAL_FOLD).fold_bytes for method in ("ridge", "best")]
    assert needs.shared == (1 << 20) + 2 * max(folds)
    assert needs.worker == {method: costs.of(method, FINAL_FOLD).worker_bytes for method in ("ridge", "best")}
