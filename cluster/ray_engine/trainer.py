"""The actor that trains a fold's shared networks: one for each fold, side by side where there are CPUs.

Ray starts an actor whose process died anew, here or on another node, and calls `train` again, which goes on
from the last checkpoint in the store. So a crash costs some epochs and is no failure of the shard; only the
death of an actor that has been restarted `RESTARTS` times is.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import ray
from ray.exceptions import RayError
from threadpoolctl import threadpool_limits

from cluster.ray_engine.identity import check_code
from cluster.scheduling.executors import Job, Receipt, Work

RESTARTS = 20
SECONDS_BETWEEN_NEWS = 2.0


class Trainer:
    """Runs one training at a time, and says meanwhile how far it is."""

    def __init__(self) -> None:
        self._news = ""

    def train(self, what: tuple[Work, Any], job: Job, shared: Any) -> Iterator[Receipt | None]:
        """One attempt of one shard. None says that it has begun."""
        work, _ = what
        check_code(job.code)
        yield None
        with threadpool_limits(limits=1):
            receipt = work(job, shared, self._say)
        yield receipt

    def news(self) -> str:
        """How far it is, in words."""
        return self._news

    def _say(self, news: str) -> None:
        self._news = news


class Trainers:
    """The trainers of one executor, by the key of the shard each trains."""

    def __init__(self) -> None:
        self._actor: Any = ray.remote(Trainer)
        self._trainers: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        self._news: dict[str, str] = {}
        self._last = 0.0

    def __contains__(self, key: str) -> bool:
        return key in self._trainers

    def start(self, what: Any, job: Job, shared: Any, gpus: float) -> Any:
        """Begin a job in a trainer of its own; returns its stream of signs."""
        trainer = self._actor.options(
            num_cpus=1,
            num_gpus=gpus,
            max_restarts=RESTARTS,
            max_task_retries=RESTARTS,
            max_concurrency=2,  # one thread trains, one answers for the news
        ).remote()
        self._trainers[job.key] = trainer
        return trainer.train.options(num_returns="streaming").remote(what, job, shared)

    def end(self, key: str) -> None:
        """End a trainer, whatever it does."""
        if (trainer := self._trainers.pop(key, None)) is not None:
            self._asked.pop(key, None)
            self._news.pop(key, None)
            with contextlib.suppress(RayError):  # gone already
                ray.kill(trainer, no_restart=True)

    def stop(self, key: str) -> None:
        """Let the process die; its stream then ends."""
        with contextlib.suppress(RayError):
            ray.kill(self._trainers[key], no_restart=True)

    def close(self) -> None:
        """End them all."""
        for key in list(self._trainers):
            self.end(key)

    def news(self) -> list[str]:
        """What the trainers said last; asks again every few seconds, and waits for no answer."""
        for key, asked in list(self._asked.items()):
            if ray.wait([asked], timeout=0)[0]:
                del self._asked[key]
                with contextlib.suppress(RayError):  # it is being started anew
                    self._news[key] = ray.get(asked)
        if time.monotonic() - self._last > SECONDS_BETWEEN_NEWS:
            self._last = time.monotonic()
            for key, trainer in self._trainers.items():
                if key not in self._asked:
                    self._asked[key] = trainer.news.remote()
        return [news for _, news in sorted(self._news.items()) if news]
