"""Bad targets, bad nodes and bad weather: who is blamed, in worlds where the answer is known."""

import random
from collections.abc import Iterable

import pytest

from cluster.scheduling.guilt import FAILURES_ALONE, Evidence, Failure, sign_of
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.shards import Failed, FailureKind, RecordFailure, Shard, name_shard
from cluster.store.units import Unit
from tests.cluster.scheduling.machines import Machines, Running
from tests.promises import Measured

RUN = "f" * 64
TARGETS = [f"G{i}" for i in range(200)]
Ending = tuple[FailureKind, str] | None


def unit(target: str) -> Unit:
    return Unit("modifiers", target, 0)


def ledger_of(targets: list[str], slots: int, size: int = 10) -> Ledger:
    blocks = [targets[i : i + size] for i in range(0, len(targets), size)]
    return Ledger([name_shard(RUN, [unit(t) for t in block]) for block in blocks], RUN, slots)


def takes(shard: Shard) -> float:
    return 0.7 * len(shard.units)


def healthy(shard: Shard, node: str, now: float) -> tuple[float, Ending]:
    return takes(shard), None


class Planted:
    """Some targets fail wherever they run; on node `bad` everything does."""

    def __init__(
        self, failing: Iterable[str] = (), how: Ending = ("killed", "signal 11"), bad: str = ""
    ) -> None:
        self.failing, self.how, self.bad = frozenset(failing), how, bad
        self.takes = takes

    def __call__(self, shard: Shard, node: str, now: float) -> tuple[float, Ending]:
        if node and node == self.bad:
            return 0.5, ("error", "OSError: [Errno 5] Input/output error")
        return (0.5, self.how) if self.failing & set(shard.targets) else (self.takes(shard), None)


def test_a_bad_node_is_left_out_and_no_target_is_blamed() -> None:
    done = Machines(ledger_of(TARGETS, 4), {"good": 2, "bad": 2}, Planted(bad="bad")).run()
    assert not done.ledger.quarantined
    assert len(done.ledger.done) == len(TARGETS)
    assert sum("node bad.lab is left out" in line for line in done.said) == 1
    assert done.ledger.failures < 30
    assert done.now < 2 * 0.7 * len(TARGETS)


def test_bad_targets_are_found_beside_a_bad_node() -> None:
    failing = {"G3", "G77", "G150"}
    done = Machines(
        ledger_of(TARGETS, 4), {"good": 2, "other": 2, "bad": 2}, Planted(failing, bad="bad")
    ).run()
    assert {u.target for u in done.ledger.quarantined} == failing
    assert len(done.ledger.done) == len(TARGETS) - 3
    for errors in done.ledger.quarantined.values():
        assert any("signal 11" in error for error in errors)


def every_four_seconds(now: float, running: list[Running]) -> list[Running]:
    return list(running) if now < 540 and now % 4 == 0 else []


def one_every_four_seconds(now: float, running: list[Running]) -> list[Running]:
    return [random.Random(now).choice(running)] if running and now < 540 and now % 4 == 0 else []  # noqa: S311


@pytest.mark.parametrize("kills", [every_four_seconds, one_every_four_seconds])
@pytest.mark.parametrize("seconds", [0.7, 1.9, 3.4])
def test_workers_killed_every_four_seconds_condemn_nobody(  # type: ignore[no-untyped-def]
    kills, seconds: float, measured: Measured
) -> None:
    def slow(shard: Shard, node: str, now: float) -> tuple[float, Ending]:
        return seconds * len(shard.units), None

    done = Machines(ledger_of(TARGETS, 2), {"here": 2}, slow, kills).run()
    assert not done.ledger.quarantined
    assert not done.given_up
    assert len(done.ledger.done) == len(TARGETS)
    measured(stormy_runs=1, healthy_targets_blamed=len(done.ledger.quarantined))


def test_where_everything_fails_for_minutes_the_run_waits_says_so_and_goes_on() -> None:
    def stormy(shard: Shard, node: str, now: float) -> tuple[float, Ending]:
        return (0.5, ("killed", "signal 9")) if 20 < now < 560 else healthy(shard, node, now)

    done = Machines(ledger_of(TARGETS, 2), {"here": 2}, stormy).run()
    assert not done.ledger.quarantined
    assert len(done.ledger.done) == len(TARGETS)
    assert "no target is blamed" in done.said[0]
    assert "signal 9" in done.said[0]
    assert done.said[-1] == "work succeeds again; the run goes on"
    assert len(done.said) < 20
    assert done.ledger.failures < 60


@pytest.mark.parametrize(
    ("how", "least", "most"),
    [
        (("killed", "signal 9"), 540.0, 700.0),
        (("error", "OSError: no such device"), 540.0, 700.0),
        (("error", "ValueError: bad method"), 0.0, 60.0),
    ],
)
@pytest.mark.parametrize("slots", [1, 2, 8])
def test_where_everything_fails_for_good_the_run_ends_and_nobody_is_condemned(
    how: Ending, least: float, most: float, slots: int
) -> None:
    done = Machines(ledger_of(TARGETS, slots), {"here": slots}, Planted(TARGETS, how)).run()
    assert "none of them was put in quarantine" in done.given_up
    assert "200 targets are left" in done.given_up
    assert str(how and how[1]) in done.given_up
    assert not done.ledger.quarantined
    assert least <= done.now <= most


@pytest.mark.parametrize("how", [("killed", "signal 11"), ("error", "ValueError: no"), ("deadline", "900 s")])
@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize(
    "failing", [{"G0"}, {"G0", "G1"}, {"G5", "G66", "G199"}, {"G196", "G197", "G198", "G199"}]
)
def test_bad_targets_are_condemned_after_three_failures_and_soon(
    how: Ending, slots: int, failing: set[str]
) -> None:
    done = Machines(ledger_of(TARGETS, slots), {"here": slots}, Planted(failing, how)).run()
    assert {u.target for u in done.ledger.quarantined} == failing
    assert len(done.ledger.done) == len(TARGETS) - len(failing)
    for errors in done.ledger.quarantined.values():
        assert FAILURES_ALONE <= len(errors) <= FAILURES_ALONE + 6
    assert done.now < 0.7 * len(TARGETS) + 300


def test_a_few_bad_targets_alone_in_a_resumed_run_are_condemned() -> None:
    blocks = [name_shard(RUN, [unit(target)]) for target in ("G1", "G2", "G3", "G4")]
    ledger = Ledger(blocks, RUN, 2, done_before=5000)
    done = Machines(ledger, {"here": 2}, Planted(TARGETS)).run()
    assert {u.target for u in done.ledger.quarantined} == {"G1", "G2", "G3", "G4"}


def test_a_target_that_failed_on_one_node_alone_is_tried_on_another_first() -> None:
    evidence, target = Evidence(), unit("A")
    failures = [evidence.failed([target], "one", "killed", "signal 9") for _ in range(3)]
    assert evidence.is_guilty(target, failures)
    assert evidence.is_guilty(target, failures, {"one"})
    assert not evidence.is_guilty(target, failures[:2], {"one"})
    assert not evidence.is_guilty(target, failures, {"one", "two"})
    elsewhere = [*failures, evidence.failed([target], "two", "killed", "signal 9")]
    assert evidence.is_guilty(target, elsewhere, {"one", "two"})
    evidence.succeeded([unit("B")], "two")
    assert not evidence.is_guilty(target, failures, {"one", "two"})
    evidence.succeeded([unit("B")], "one")  # others live where it fails
    assert evidence.is_guilty(target, failures, {"one", "two"})


def test_a_target_is_tried_again_where_healthy_ones_fail_as_often() -> None:
    evidence, target = Evidence(), unit("A")
    for number in range(10):
        other = unit(f"B{number}")
        if number % 2:
            evidence.failed([other], "", "killed", "signal 9")
        evidence.succeeded([other], "")
    failures = [evidence.failed([target], "", "killed", "signal 9") for _ in range(12)]
    assert [evidence.is_guilty(target, failures[:n]) for n in (3, 5, 8, 12)] == [False, False, False, True]
    assert evidence.is_guilty(target, [Failure(frozenset([target]), "", "ValueError", 99)] * 3)


@pytest.mark.parametrize(
    ("kind", "error", "sign"),
    [
        ("error", "OSError: [Errno 5]\ntrace", "!OSError"),
        ("error", "FileNotFoundError: x", "!OSError"),
        ("error", "MemoryError: ", "!MemoryError"),
        ("error", "ModuleNotFoundError: No module", "!ImportError"),
        ("error", "ValueError: OSError: no", "ValueError"),
        ("error", "LinAlgError: singular", "LinAlgError"),
        ("killed", "WorkerCrashedError: OSError", "!killed"),
        ("deadline", "900 s", "deadline"),
    ],
)
def test_failures_of_one_cause_look_alike(kind: FailureKind, error: str, sign: str) -> None:
    assert sign_of(kind, error) == sign


def test_what_failed_while_everything_did_does_not_count_and_the_record_says_so() -> None:
    ledger = Ledger([name_shard(RUN, [unit(t)]) for t in "ABCD"], RUN, slots=2)
    ledger.begin()
    recorded: list[RecordFailure] = []
    for name in "ABC":
        orders = ledger.handle(Failed(name_shard(RUN, [unit(name)]).key, 1, "killed", "signal 9", "here"))
        recorded += [order for order in orders if isinstance(order, RecordFailure)]
    assert [record.counts for record in recorded] == [True, True, False]
    assert {record.node for record in recorded} == {"here"}
