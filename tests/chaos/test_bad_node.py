"""A node on which everything fails: it is left out, and no target is blamed."""

from pathlib import Path

import pytest

from cluster.ray_engine.runtime import connected
from cluster.runs.planning import make_shards
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation
from cluster.store.units import Unit
from tests.chaos.clusters import two_nodes
from tests.chaos.work import Script, fail_on_node_two, prepare
from tests.costs import costs_of
from tests.promises import Measured
from tests.stores import planned_store

UNITS = [Unit("modifiers", f"G{i}", 0) for i in range(40)]


@pytest.mark.chaos
@pytest.mark.timeout(120)
@pytest.mark.parametrize("cannot_reach_the_store", [False, True])
def test_a_bad_node_costs_no_target_its_result(
    tmp_path: Path, cannot_reach_the_store: bool, measured: Measured
) -> None:
    from cluster.ray_engine.executor import RayExecutor

    writer = planned_store(tmp_path / "store", UNITS)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 2, 2)
    with two_nodes() as (nodes, _), connected(nodes.address):
        script = Script(tmp_path, raises=frozenset({"store"} if cannot_reach_the_store else ()))
        executor = RayExecutor(fail_on_node_two, Preparation(prepare, script))
        outcome = drive(writer, shards, executor)
    assert outcome.failures > 0
    assert (outcome.done, outcome.quarantined, outcome.sealed) == (len(UNITS), {}, True)
    measured(shards_that_failed_on_the_bad_node=outcome.failures, targets_blamed=len(outcome.quarantined))
