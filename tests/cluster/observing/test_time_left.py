"""Time left: equal to a slow twin's at every step, near the truth, and falling as time goes by."""

import heapq
from dataclasses import dataclass, field

import numpy as np
import pytest

from cluster.observing.time_left import REMEMBERED, SLOWER_TO_FORGET, AtWork, TimeLeft

ESTIMATED = {"quick": 20.0, "forest": 60.0}  # seconds of a shard
TRULY = {"quick": 10.0, "forest": 180.0}  # the second is three times off


def twin(
    ended: list[tuple[str, float, float]], todo: dict[str, float], at_work: list[AtWork], slots: int
) -> float:
    """The whole history, summed anew: each shard's weight by how many have ended since."""

    def factor(history: list[tuple[str, float, float]], remembered: float) -> float:
        weights = [remembered ** (len(history) - 1 - i) for i in range(len(history))]
        taken = sum(w * each[2] for w, each in zip(weights, history, strict=True))
        return taken / sum(w * each[1] for w, each in zip(weights, history, strict=True))

    def factor_of(method: str) -> float:
        own = [each for each in ended if each[0] == method]
        return factor(own, REMEMBERED) if own else factor(ended, SLOWER_TO_FORGET)

    work, longest = 0.0, 0.0
    for method, seconds in todo.items():
        whole = factor_of(method) * seconds
        for each in at_work:
            if each.method == method:
                whole -= min(each.elapsed, factor_of(method) * each.estimated)
                longest = max(longest, factor_of(method) * each.estimated - each.elapsed)
        work += max(0.0, whole)
    return max(work / slots, longest)


@dataclass
class Simulated:
    """Shards with random durations on a few slots; what was said of the time left, every few seconds."""

    seed: int
    slots: int = 4
    shards: int = 60
    every: float = 10.0
    asks_twin: bool = True
    times: list[float] = field(default_factory=list)
    said: list[float] = field(default_factory=list)
    by_the_twin: list[float] = field(default_factory=list)
    end: float = 0.0

    def run(self) -> "Simulated":
        rng = np.random.default_rng(self.seed)
        queue = [("quick", "forest")[i % 2] for i in range(self.shards)]
        running: list[tuple[float, float, str]] = []  # its end, its begin, its method
        left, ended, estimator, now = TimeLeft(), list[tuple[str, float, float]](), None, 0.0
        estimator, look = left, self.every
        while queue or running:
            while queue and len(running) < self.slots:
                method = queue.pop(0)
                heapq.heappush(running, (now + TRULY[method] * rng.lognormal(-0.08, 0.4), now, method))
            while look < running[0][0]:
                self._look(estimator, ended, queue, running, look)
                look += self.every
            now, begun, method = heapq.heappop(running)
            estimator.ended(method, ESTIMATED[method], now - begun)
            ended.append((method, ESTIMATED[method], now - begun))
        self.end = now
        return self

    def _look(
        self,
        estimator: TimeLeft,
        ended: list[tuple[str, float, float]],
        queue: list[str],
        running: list[tuple[float, float, str]],
        now: float,
    ) -> None:
        at_work = [AtWork(method, ESTIMATED[method], now - begun) for _, begun, method in running]
        todo = {
            name: seconds * (queue.count(name) + sum(each.method == name for each in at_work))
            for name, seconds in ESTIMATED.items()
        }
        slots = min(self.slots, len(at_work) + len(queue))
        said = estimator.in_all(todo, at_work, slots)
        if said is not None:
            self.times.append(now)
            self.said.append(said)
            if self.asks_twin:
                self.by_the_twin.append(twin(ended, todo, at_work, slots))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_a_slow_twin_says(seed: int) -> None:
    run = Simulated(seed).run()
    assert len(run.said) > 50
    np.testing.assert_allclose(run.said, run.by_the_twin, rtol=1e-9, atol=1e-9)


def test_it_falls_in_expectation_and_is_right_within_a_tenth() -> None:
    """Over many runs the mean falls as time goes by, from when each method has had a dozen shards.

    That slots idle while the last shards end is not foreseen: one shard's time of 7000 s.
    """
    runs = [Simulated(seed, shards=300, every=600.0, asks_twin=False).run() for seed in range(200)]
    minutes = np.arange(1200.0, 5401.0, 600.0)
    said = np.array([[run.said[run.times.index(minute)] for minute in minutes] for run in runs])
    truth = np.array([[run.end - minute for minute in minutes] for run in runs])
    assert (truth > 0).all()
    means = said.mean(axis=0)
    assert (np.diff(means) < -400).all(), means  # of 600 seconds that go by
    np.testing.assert_allclose(means, truth.mean(axis=0), rtol=0.1)


def test_it_falls_while_a_long_shard_runs_and_nothing_ends() -> None:
    left = TimeLeft()
    left.ended("quick", 20.0, 40.0)
    said = [left.in_all({"quick": 100.0}, [AtWork("quick", 20.0, t)], 1) for t in (0.0, 10.0, 39.0, 60.0)]
    assert said == [200.0, 190.0, 161.0, 160.0]


def test_a_method_of_which_nothing_ended_is_as_far_off_as_the_others() -> None:
    left = TimeLeft()
    left.ended("quick", 10.0, 30.0)
    assert left.by_method({"quick": 10.0, "forest": 100.0}, []) == {"quick": 30.0, "forest": 300.0}


def test_a_machine_that_gets_slower_is_noticed_within_forty_shards() -> None:
    left = TimeLeft()
    for taken in [10.0] * 100 + [30.0] * 40:
        left.ended("quick", 10.0, taken)
    assert left.factor("quick") == pytest.approx(3.0, rel=0.15)


def test_the_end_is_no_sooner_than_the_longest_shard() -> None:
    left = TimeLeft()
    left.ended("forest", 10.0, 10.0)
    assert left.in_all({"forest": 100.0}, [AtWork("forest", 100.0, 20.0)], 8) == 80.0


def test_nothing_is_said_before_anything_has_ended() -> None:
    left = TimeLeft()
    assert left.in_all({"quick": 10.0}, [], 2) is None
    assert left.by_method({"quick": 10.0}, []) == {}


def test_folds_that_are_not_prepared_add_what_others_took() -> None:
    left = TimeLeft()
    left.ended("kernel", 10.0, 10.0)
    assert left.in_all({"kernel": 60.0}, [], 2, {"kernel": [0.0, 0.0]}) == 30.0  # none was seen yet
    left.prepared("kernel", 12.0)
    folds = {"kernel": [0.0, 5.0, 99.0], "other": [0.0]}  # one waits, one is half done, one is overdue
    assert left.to_prepare(folds) == {"kernel": pytest.approx(19.0), "other": 0.0}
    assert left.by_method({"kernel": 60.0}, [], folds) == {"kernel": pytest.approx(79.0)}
    assert left.in_all({"kernel": 60.0}, [], 2, folds) == pytest.approx(39.5)
