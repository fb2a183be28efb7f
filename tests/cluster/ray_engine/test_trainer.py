"""Real Ray: an actor that trains says how far it is, is started anew when it dies, and ends when told to."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.ray_engine.identity import fingerprint
from cluster.ray_engine.runtime import connected
from cluster.scheduling.executors import Ended, Job, Preparation
from cluster.store.units import fold_level_unit
from tests.chaos.work import Script, marks, prepare, train_a_while


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
def test_a_trainer_tells_its_news_outlives_a_kill_and_can_be_stopped(tmp_path: Path) -> None:
    from cluster.ray_engine.executor import RayExecutor

    script = Script(tmp_path)
    job = Job("a" * 64, (fold_level_unit("latent", 0),), 1, str(tmp_path), "r", fingerprint())
    other = Job("b" * 64, (fold_level_unit("latent", 1),), 2, str(tmp_path), "r", fingerprint())
    with connected("local", workers=2):
        executor = RayExecutor(train_a_while, Preparation(prepare, script))
        executor.start(job)
        assert until(executor, lambda: list(executor.news()) == ["half way"]) == []
        assert marks(tmp_path, "died") == 1
        assert executor.started() == {job.key}
        executor.start(other)
        assert until(executor, lambda: other.key in executor.started()) == []
        executor.cancel(other.key)
        (stopped,) = until(executor, lambda: False)
        assert (stopped.key, stopped.kind) == (other.key, "cancelled")
        (tmp_path / "go").touch()
        (finished,) = until(executor, lambda: False)
        assert (finished.key, finished.kind) == (job.key, None)
        assert finished.receipt is not None
        assert finished.receipt.statuses == {"ok": 1}
        assert executor.news() == []
        executor.close()
