"""Real Ray: two nodes share the work, and the tables are those of the in-process executor."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cluster.ray_engine.identity import fingerprint
from cluster.ray_engine.runtime import connected
from cluster.runs.planning import make_shards
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Ended, Preparation, Requirements
from cluster.scheduling.in_process import InProcessExecutor
from cluster.scheduling.shards import Job, Shard
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD, Unit
from cluster.store.writer import StoreWriter
from tests.chaos.clusters import two_nodes
from tests.chaos.work import (
    Script,
    commit,
    marks,
    meet,
    prepare,
    prepare_late,
    say_gpus,
    stay_alone,
    wait_for,
)
from tests.costs import costs_of
from tests.promises import Measured
from tests.stores import planned_store

UNITS = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1, FINAL_FOLD) for i in range(20)]
COSTS = costs_of(100, 100)


def new_store(folder: Path) -> StoreWriter:
    return planned_store(folder, UNITS)


@pytest.mark.ray
def test_two_nodes_share_the_shards_and_give_the_tables_of_one_process(tmp_path: Path) -> None:
    from ray.exceptions import NodeDiedError, OutOfMemoryError, TaskCancelledError, WorkerCrashedError

    from cluster.ray_engine.executor import RayExecutor, kind_of

    script = Script(tmp_path / "marks")
    script.folder.mkdir()
    writer = new_store(tmp_path / "ray")
    shards = make_shards(UNITS, writer.run_digest, COSTS, slots=2, shard_size=4)
    with two_nodes() as (nodes, _), connected(nodes.address):
        executor = RayExecutor(meet, Preparation(prepare, script, Requirements(fingerprint())))
        assert executor.slots == 2
        outcome = drive(writer, shards, executor)
    assert (outcome.done, outcome.failures, outcome.sealed) == (len(UNITS), 0, True)
    assert all(marks(script.folder, f"prepared-{fold}") == 1 for fold in (0, 1, FINAL_FOLD))
    hosts = Counter(str(commit.host) for commit in StoreReader(writer.fs).commits())
    assert {host.split()[-1] for host in hosts} == {"one", "two"}
    assert len({host.split()[1] for host in hosts}) >= 2
    by_node = Counter(host.split()[-1] for host in hosts.elements())
    assert min(by_node.values()) >= 3
    alone = new_store(tmp_path / "alone")
    drive(alone, shards, InProcessExecutor(commit, Preparation(prepare, script)))
    assert StoreReader(writer.fs).table("scores").equals(StoreReader(alone.fs).table("scores"))
    errors: list[Any] = [
        TaskCancelledError(),
        WorkerCrashedError(),
        OutOfMemoryError("m"),
        NodeDiedError("n"),
    ]
    assert [kind_of(error) for error in errors] == ["cancelled", "killed", "killed", "node"]


@pytest.mark.long
@pytest.mark.ray
def test_jobs_that_need_a_gpu_share_it_and_go_where_it_is(tmp_path: Path) -> None:
    """The GPU is one only by name: Ray counts what it is told. Of 3 CPUs, 2 are beside it."""
    from cluster.ray_engine.executor import RayExecutor

    script = Script(tmp_path / "marks")
    script.folder.mkdir()
    units = UNITS + [Unit("ridge", f"G{i}", 0) for i in range(20)]
    writer = planned_store(tmp_path / "store", units)
    shards = make_shards(units, writer.run_digest, COSTS, slots=2, shard_size=4)
    with two_nodes(num_cpus=2, num_gpus=1) as (nodes, _), connected(nodes.address):
        preparation = Preparation(prepare, script, Requirements(fingerprint()))
        executor = RayExecutor(say_gpus, preparation, gpu_methods=frozenset({"modifiers"}))
        assert executor.slots == 2
        outcome = drive(writer, shards, executor)
    assert (outcome.done, outcome.failures, outcome.sealed) == (len(units), 0, True)
    said = [path.name.rsplit(".", 2) for path in script.folder.iterdir() if " " in path.name]
    assert len(said) == len(shards)
    on_gpu = [(what, process) for what, process, _ in said if what.startswith("modifiers")]
    assert {what for what, _ in on_gpu} == {"modifiers 0.5000 two 0"}
    assert len({process for _, process in on_gpu}) < len(on_gpu)  # a worker keeps what it has on the GPU
    assert {what.split()[1] for what, *_ in said if what.startswith("ridge")} == {"0.0000"}


@pytest.mark.ray
def test_what_is_no_shards_fault_stops_the_run(tmp_path: Path) -> None:
    from cluster.errors import PreparationError, RefusedError, StorageError
    from cluster.ray_engine.executor import RayExecutor
    from tests.chaos.work import cannot_prepare, full_disk

    writer = new_store(tmp_path / "store")
    shards = make_shards(UNITS, writer.run_digest, COSTS, slots=1)
    with connected("local", workers=1):
        with pytest.raises(StorageError, match="no space"):
            drive(writer, shards, RayExecutor(full_disk))
        with pytest.raises(PreparationError, match=r"fold 0 .*all constant"):
            drive(writer, shards, RayExecutor(commit, Preparation(cannot_prepare)))
        with pytest.raises(RefusedError, match="does not run the driver's code"):
            drive(writer, shards, RayExecutor(commit, Preparation(prepare, None, Requirements("source 123"))))
        assert StoreReader(writer.fs).failures() == []
        outcome = drive(writer, shards, RayExecutor(commit, Preparation(prepare)))
    assert (outcome.done, outcome.failures) == (len(UNITS), 0)


@pytest.mark.ray
def test_no_more_jobs_run_at_one_time_than_asked_for(tmp_path: Path) -> None:
    from cluster.ray_engine.executor import RayExecutor

    writer = new_store(tmp_path / "store")
    shards = make_shards(UNITS, writer.run_digest, COSTS, slots=1, shard_size=10)
    with connected("local", workers=2):
        executor = RayExecutor(stay_alone, Preparation(prepare, Script(tmp_path)), most_slots=1)
        outcome = drive(writer, shards, executor)
        assert (outcome.done, outcome.failures) == (len(UNITS), 0)
        executor = RayExecutor(commit, Preparation(prepare), most_slots=1)
        first, held = (Job(shard, 1, writer.fs.name, writer.run_digest) for shard in shards[:2])
        executor.start(first)
        executor.start(held)
        executor.cancel(held.shard.key)
        assert [(end.key, end.kind) for end in executor.wait(0)] == [(held.shard.key, "cancelled")]
        executor.close()


@pytest.mark.ray
def test_a_job_that_waits_for_a_cpu_or_its_fold_is_not_late(tmp_path: Path) -> None:
    """Another user has the only CPU for what the clock says are hours; then the fold takes as long."""
    import ray

    from cluster.ray_engine.executor import RayExecutor

    @ray.remote(num_cpus=1)
    def other_user(go: Path) -> None:
        wait_for(go)

    class Watched(RayExecutor):
        """Lets the other user and the fold be done after some waits, in which an hour passes each."""

        def wait(self, timeout: float) -> list[Ended]:
            hours.append(1)
            for name in {3: ["other"], 6: ["fold"]}.get(len(hours), []):
                (tmp_path / name).touch()
            return super().wait(timeout)

    hours: list[int] = []
    writer = new_store(tmp_path / "store")
    shards = make_shards(UNITS[:20], writer.run_digest, COSTS, slots=1, shard_size=10)
    with connected("local", workers=1):
        other = other_user.remote(tmp_path / "other")
        executor = Watched(commit, Preparation(prepare_late, Script(tmp_path)))
        outcome = drive(
            writer,
            shards,
            executor,
            deadlines=Deadlines(floor=1800.0),
            clock=lambda: 3600.0 * min(len(hours), 6),
        )
        ray.get(other)
    assert len(hours) >= 6
    assert (outcome.done, outcome.failures) == (20, 0)


@pytest.mark.ray
def test_a_task_that_is_cut_off_without_a_word_is_a_cancelled_one(measured: Measured) -> None:
    """As by `submit --stop`, which ends workers while the driver still takes in what they send."""
    from cluster.ray_engine.executor import RayExecutor

    with connected("local", workers=1):
        executor = RayExecutor(commit)
        unit = Unit("modifiers", "A", 0)
        job, silent = Job(Shard("k" * 64, (unit,)), 1, "store", "run"), iter(())
        executor._jobs[silent], executor._streams[job.shard.key] = job, silent
        ended = executor._next_from(silent)
        executor.close()
    assert ended is not None
    assert (ended.key, ended.kind, ended.receipt) == (job.shard.key, "cancelled", None)
    measured(tasks_cut_off=1)
