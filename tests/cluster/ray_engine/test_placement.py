"""What tasks ask Ray for beside a CPU, on a real Ray: memory, and room in the object store."""

from pathlib import Path

import pytest

from cluster.errors import ExitCode
from cluster.execution.run import run
from cluster.ray_engine.runtime import connected
from cluster.runs.planning import Costs
from cluster.scheduling.executor import Needs, Preparation, Receipt
from cluster.scheduling.shards import Job, name_shard
from cluster.scheduling.signs import Signs
from cluster.store.units import MethodFold, Unit
from tests.commands import knockcast

pytestmark = pytest.mark.ray
RUN = "a" * 64


def reserved(job: Job, shared: object, data: object, signs: Signs) -> Receipt:
    """A receipt that carries, as its seconds, the memory that Ray has reserved for the task."""
    import ray

    del shared, data, signs
    memory = ray.get_runtime_context().get_assigned_resources().get("memory", 0)
    return Receipt(job.shard.key, job.attempt, True, {}, memory, "")


def prepare_nothing(shared: object, method_fold: MethodFold) -> str:
    del shared
    return str(method_fold)


def test_a_task_reserves_what_it_needs_and_at_most_what_a_node_has() -> None:
    with connected(workers=2):
        import ray

        from cluster.ray_engine.executor import RayExecutor
        from cluster.ray_engine.nodes import Nodes

        (node,) = ray.nodes()
        has = int(node["Resources"]["memory"])
        assert Nodes().memory_for(0) == {}
        needs = Needs({"modest": 100 << 20, "greedy": 1 << 50})
        executor = RayExecutor(reserved, Preparation(prepare_nothing, needs=needs))
        for method in ("modest", "greedy", "unknown"):
            executor.start(Job(name_shard(RUN, [Unit(method, "A", 0)]), 1, "", RUN))
        seen: dict[str, float] = {}
        names = {name_shard(RUN, [Unit(m, "A", 0)]).key: m for m in ("modest", "greedy", "unknown")}
        while len(seen) < 3:
            for ended in executor.wait(1.0):
                assert ended.receipt is not None, ended.error
                seen[names[ended.key]] = ended.receipt.seconds
        executor.close()
        assert seen == {"modest": 100 << 20, "greedy": has, "unknown": 0}


def test_what_no_node_can_hold_is_refused_before_work_starts(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Costs, "needs", lambda self, methods, matrices: Needs(shared=1 << 50))
    store = tmp_path / "store"
    done = knockcast("run", small_dataset, "--store", store, "--method", "ridge", "--workers", "1")
    assert done.returncode == ExitCode.REFUSED
    assert "object store must hold about 1048576.0 GiB on every node" in done.stderr
    assert "--object-store-memory=1125899906842624" in done.stderr
    assert not list(store.glob("attempts/*"))


def test_a_run_whose_workers_need_more_than_there_is_goes_on_one_at_a_time(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Costs, "needs", lambda self, methods, matrices: Needs(dict.fromkeys(methods, 1 << 50))
    )
    done = run(small_dataset, tmp_path / "store", methods=("ridge",), targets="variable", folds=2, workers=2)
    assert done.sealed
