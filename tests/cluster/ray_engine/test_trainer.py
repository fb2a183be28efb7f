"""Real Ray: an actor that trains reports how far it is, is started again when it dies, and can be stopped."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.ray_engine.identity import fingerprint
from cluster.ray_engine.runtime import connected
from cluster.scheduling.executor import Ended, Preparation, Requirements
from cluster.scheduling.shards import Job, Shard
from cluster.scheduling.signs import SILENT, Limit
from cluster.store.units import fold_level_unit
from tests.chaos.work import Script, marks, prepare, train_a_while, train_in_two_lives


def until(executor, done: Callable[[], bool]) -> list[Ended]:
    """Wait with the executor, as a driver does, until something has come about."""
    ended: list[Ended] = []
    deadline = time.monotonic() + 200
    while not done() and not ended:
        assert time.monotonic() < deadline
        ended += executor.wait(0.2)
    return ended


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_a_trainer_reports_its_status_outlives_a_kill_and_can_be_stopped(tmp_path: Path) -> None:
    from cluster.ray_engine.executor import RayExecutor

    script = Script(tmp_path)
    first, second = (
        Shard(letter * 64, (fold_level_unit("latent", fold),), checkpointed=True)
        for fold, letter in enumerate("ab")
    )
    job = Job(first, 1, str(tmp_path), "r")
    other = Job(second, 2, str(tmp_path), "r")
    with connected("local", workers=2):
        executor = RayExecutor(train_a_while, Preparation(prepare, script, Requirements(fingerprint())))
        executor.start(job)
        assert until(executor, lambda: list(executor.status()) == ["half way"]) == []
        assert marks(tmp_path, "died") == 1
        assert executor.started().keys() == {first.key}
        executor.start(other)
        assert until(executor, lambda: second.key in executor.started()) == []
        executor.cancel(second.key)
        (stopped,) = until(executor, lambda: False)
        assert (stopped.key, stopped.kind) == (second.key, "cancelled")
        (tmp_path / "go").touch()
        (finished,) = until(executor, lambda: False)
        assert (finished.key, finished.kind) == (first.key, None)
        assert finished.receipt is not None
        assert finished.receipt.statuses == {"ok": 1}
        assert executor.status() == []
        executor.close()


@pytest.mark.ray
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fails", [False, True])
def test_the_end_is_heard_of_a_second_life_that_says_less_than_the_first(tmp_path: Path, fails: bool) -> None:
    from cluster.ray_engine.executor import RayExecutor

    script = Script(tmp_path, raises=frozenset({"all"} if fails else ()))
    shard = Shard("a" * 64, (fold_level_unit("latent", 0),), checkpointed=True)
    with connected("local", workers=1):
        executor = RayExecutor(train_in_two_lives, Preparation(prepare, script, Requirements(fingerprint())))
        executor.start(Job(shard, 1, str(tmp_path), "r", limit=Limit(quiet=60.0, floor=2.0)))
        for number in range(4):
            steps = number + 1
            heard = until(executor, lambda: executor.started().get(shard.key, SILENT).steps == steps)  # noqa: B023 - asked at once
            assert heard == []
            (tmp_path / f"heard-{number}").touch()
        (ended,) = until(executor, lambda: False)
        executor.close()
    assert marks(tmp_path, "died") == 1
    assert ended.kind == ("error" if fails else None)
    assert "planted in the second life" in (ended.error or "") if fails else ended.receipt is not None
