"""Workers killed or hung while they prepare a fold, and a node on which none can be prepared."""

from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.ray_engine.runtime import connected
from cluster.runs.planning import make_shards
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation
from cluster.scheduling.shards import Shard
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter
from tests.chaos.clusters import two_nodes
from tests.chaos.work import Script, commit, marks, prepare_anywhere_but, prepare_killed
from tests.costs import costs_of
from tests.promises import Measured
from tests.stores import planned_store

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

UNITS = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1) for i in range(6)]


def planned(folder: Path) -> tuple[StoreWriter, list[Shard]]:
    writer = planned_store(folder, UNITS)
    return writer, make_shards(UNITS, writer.run_digest, costs_of(10, 10), 1, 2)


def test_a_worker_killed_while_it_prepares_costs_nothing_and_three_of_them_end_the_run(
    tmp_path: Path, measured: Measured
) -> None:
    from cluster.ray_engine.executor import RayExecutor

    with connected("local", workers=1):
        for number, kills in enumerate((("once", "twice"), ("once", "twice", "thrice"))):
            script = Script(tmp_path / f"marks{number}", kills=frozenset(kills))
            script.folder.mkdir()
            writer, shards = planned(tmp_path / f"store{number}")
            executor = RayExecutor(commit, Preparation(prepare_killed, script))
            if len(kills) == 2:
                outcome = drive(writer, shards, executor)
                assert (outcome.done, outcome.failures, outcome.sealed) == (len(UNITS), 0, True)
            else:
                with pytest.raises(ClusterError, match=r"fold 0 .*tried 3 times; last killed"):
                    drive(writer, shards, executor)
            assert marks(script.folder, "tried-0") == 3
            assert StoreReader(writer.fs).failures() == []
            measured(workers_killed=len(kills), targets_blamed=len(StoreReader(writer.fs).quarantined()))


@pytest.mark.parametrize("hangs", [frozenset(), frozenset({"it"})], ids=["raises", "hangs"])
def test_a_node_that_cannot_prepare_is_avoided_by_the_next_try(
    tmp_path: Path, hangs: frozenset[str], measured: Measured
) -> None:
    from cluster.ray_engine.executor import RayExecutor

    script = Script(tmp_path / "marks", hangs=hangs)
    script.folder.mkdir()
    writer, shards = planned(tmp_path / "store")
    with two_nodes() as (nodes, _), connected(nodes.address):
        executor = RayExecutor(commit, Preparation(prepare_anywhere_but, script))
        outcome = drive(writer, shards, executor, deadlines=Deadlines(floor=3.0))
    assert (outcome.done, outcome.failures, outcome.sealed) == (len(UNITS), 0, True)
    refused = [marks(script.folder, f"refused-{fold}") for fold in (0, 1)]
    assert refused == [1, 1]
    measured(preparations_that_failed_or_hung=sum(refused))
