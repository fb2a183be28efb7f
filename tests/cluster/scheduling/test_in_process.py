from typing import Any

import pytest
from threadpoolctl import threadpool_info

from cluster.errors import PreparationError, StorageError
from cluster.scheduling.executor import Preparation, Receipt
from cluster.scheduling.in_process import PREPARED_KEPT, InProcessExecutor
from cluster.scheduling.preparing import PREPARATION_ATTEMPTS
from cluster.scheduling.shards import Job, Shard
from cluster.store.units import MethodFold, Unit
from tasks.errors import BadInputError


def job(key: str, *targets: str, fold: int = 0) -> Job:
    units = tuple(Unit("modifiers", t, fold) for t in targets or ("A",))
    return Job(Shard(key, units), 1, "store", "run")


def work(job: Job, shared: Any, data: Any, signs: Any = None) -> Receipt:
    return Receipt(job.shard.key, job.attempt, True, {str(data): len(job.shard.units)}, 0.0, str(shared))


def test_jobs_run_in_order_with_what_their_fold_was_prepared_to() -> None:
    executor = InProcessExecutor(
        work, Preparation(lambda shared, method_fold: (shared, method_fold.fold), "arrays")
    )
    executor.start(job("k1", "A", "B"))
    executor.start(job("k2", fold=1))
    (first,), (second,) = executor.wait(0), executor.wait(0)
    assert first.receipt == Receipt("k1", 1, True, {"('arrays', 0)": 2}, 0.0, "arrays")
    assert second.receipt is not None
    assert second.receipt.statuses == {"('arrays', 1)": 1}
    assert executor.wait(0) == []
    assert not executor.started()


def test_a_fold_is_prepared_once_and_forgotten_when_released() -> None:
    made: list[int] = []

    def prepare(shared: Any, method_fold: MethodFold) -> int:
        made.append(method_fold.fold)
        return method_fold.fold

    executor = InProcessExecutor(work, Preparation(prepare))
    for key, fold in (("a", 0), ("b", 0), ("c", 1), ("d", 0)):
        executor.start(job(key, fold=fold))
        executor.wait(0)
    assert made == [0, 1]
    executor.release(MethodFold("modifiers", 0))
    executor.start(job("e", fold=0))
    executor.wait(0)
    assert made == [0, 1, 0]


def test_two_methods_of_one_fold_are_prepared_each_for_itself() -> None:
    executor = InProcessExecutor(work, Preparation(lambda _, method_fold: str(method_fold)))
    seen = []
    for key, method in (("a", "ridge"), ("b", "kernel"), ("c", "ridge")):
        executor.start(Job(Shard(key, (Unit(method, "A", 2),)), 1, "store", "run"))
        (ended,) = executor.wait(0)
        assert ended.receipt is not None
        seen += list(ended.receipt.statuses)
    assert seen == ["fold 2 of ridge", "fold 2 of kernel", "fold 2 of ridge"]


def test_few_folds_are_held_at_one_time() -> None:
    alive: set[int] = set()

    class Data:
        def __init__(self, fold: int) -> None:
            self.fold = fold
            alive.add(fold)

        def __del__(self) -> None:
            alive.discard(self.fold)

    executor = InProcessExecutor(
        lambda job, shared, data, signs: Receipt(job.shard.key, 1, True, {}, 0.0, ""),
        Preparation(lambda _, method_fold: Data(method_fold.fold)),
    )
    for fold in range(5):
        executor.start(job(f"k{fold}", fold=fold))
        executor.wait(0)
        assert len(alive) <= PREPARED_KEPT


def test_an_exception_is_an_observed_failure_with_its_place() -> None:
    def fail(job: Job, shared: Any, data: Any, signs: Any = None) -> Receipt:
        raise ZeroDivisionError("planted")

    executor = InProcessExecutor(fail)
    executor.start(job("k"))
    (ended,) = executor.wait(0)
    assert (ended.key, ended.kind, ended.receipt) == ("k", "error", None)
    assert ended.error.startswith("ZeroDivisionError: planted")
    assert "in fail" in ended.error


@pytest.mark.parametrize("error", [StorageError("disk full"), BadInputError("no such gene")])
def test_what_is_no_shards_fault_is_raised(error: Exception) -> None:
    def fail(job: Job, shared: Any, data: Any, signs: Any = None) -> Receipt:
        raise error

    executor = InProcessExecutor(fail)
    executor.start(job("k"))
    with pytest.raises(type(error)):
        executor.wait(0)


def test_a_fold_that_cannot_be_prepared_blames_no_target() -> None:
    def prepare(shared: Any, method_fold: MethodFold) -> None:
        raise ValueError("all lines constant")

    executor = InProcessExecutor(work, Preparation(prepare))
    executor.start(job("k", fold=3))
    with pytest.raises(PreparationError, match=r"fold 3 .*all lines constant"):
        executor.wait(0)


def test_a_preparation_that_fails_is_tried_again_and_no_more_than_three_times() -> None:
    tried: list[int] = []

    def prepare(shared: Any, method_fold: MethodFold) -> str:
        tried.append(method_fold.fold)
        if method_fold.fold == 0 and len(tried) == PREPARATION_ATTEMPTS:
            return "at last"
        raise OSError("stale file handle")

    executor = InProcessExecutor(work, Preparation(prepare))
    executor.start(job("k", fold=0))
    (ended,) = executor.wait(0)
    assert ended.receipt is not None
    assert ended.receipt.statuses == {"at last": 1}
    executor.start(job("l", fold=1))
    with pytest.raises(PreparationError, match=r"fold 1 .*tried 3 times.*stale file handle"):
        executor.wait(0)
    assert tried == [0, 0, 0, 1, 1, 1]


def test_a_cancelled_job_ends_without_running() -> None:
    executor = InProcessExecutor(work)
    executor.start(job("k"))
    executor.cancel("k")
    executor.cancel("unknown")
    assert [(e.key, e.kind) for e in executor.wait(0)] == [("k", "cancelled")]
    assert executor.wait(0) == []


def test_an_interruption_that_a_library_wrapped_is_still_one() -> None:
    """As numba's compiled code does: KeyboardInterrupt comes out as the cause of a SystemError."""

    def wrapped(job: Job, shared: Any, data: Any, signs: Any = None) -> Receipt:
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    executor = InProcessExecutor(wrapped)
    executor.start(job("k"))
    with pytest.raises(KeyboardInterrupt):
        executor.wait(0)


def test_an_interrupted_job_can_still_be_cancelled() -> None:
    def interrupted(job: Job, shared: Any, data: Any, signs: Any = None) -> Receipt:
        raise KeyboardInterrupt

    executor = InProcessExecutor(interrupted)
    executor.start(job("k"))
    with pytest.raises(KeyboardInterrupt):
        executor.wait(0)
    executor.cancel("k")
    assert [e.kind for e in executor.wait(0)] == ["cancelled"]


def test_work_has_one_numerical_thread() -> None:
    seen: list[int] = []

    def look(job: Job, shared: Any, data: Any, signs: Any = None) -> Receipt:
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        return work(job, shared, data)

    executor = InProcessExecutor(look)
    executor.start(job("k"))
    executor.wait(0)
    assert seen
    assert set(seen) == {1}
