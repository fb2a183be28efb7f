"""Targets whose workers died: how long they wait, and who is blamed where healthy workers die, too."""

import random

import pytest

from cluster.scheduling.backoff import LONGEST_SUSPECTED
from cluster.scheduling.guilt import MOST_FAILURES, RECENT, Evidence
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.shards import Committed, Failed, FailureKind, Shard, Start, name_shard
from tests.cluster.scheduling.machines import Machines, Running
from tests.cluster.scheduling.test_guilt import RUN, TARGETS, Planted, ledger_of, unit
from tests.promises import Measured

BAD = ["G20", "G30", "G45", "G10"]


def dies_every_three_seconds(seed: int, until: float):  # type: ignore[no-untyped-def]
    """One of the running shards, on average."""
    draw = random.Random(seed)  # noqa: S311 - no secret

    def now_and_then(now: float, running: list[Running]) -> list[Running]:
        return [draw.choice(running)] if running and now < until and draw.random() < 1 / 6 else []

    return now_and_then


@pytest.mark.parametrize("seconds", [1.0, 2.0])
@pytest.mark.parametrize("until", [60.0, 1e4])
@pytest.mark.parametrize("bad", [0, 1, 2, 3])
def test_where_workers_die_now_and_then_hardly_a_healthy_target_is_blamed(
    seconds: float, until: float, bad: int, measured: Measured
) -> None:
    runs, innocent, given_up = 30, 0, 0
    for seed in range(runs):
        world = Planted(BAD[:bad])
        world.takes = lambda shard: seconds
        ledger = ledger_of(TARGETS[:60], 2, 1)
        done = Machines(ledger, {"here": 2}, world, dies_every_three_seconds(seed, until)).run()
        blamed = {u.target for u in done.ledger.quarantined}
        innocent += len(blamed - world.failing)
        given_up += bool(done.given_up)
        assert done.given_up or world.failing <= blamed
        assert done.given_up or len(done.ledger.done) + len(blamed) == 60
        assert all(len(errors) >= 3 for errors in done.ledger.quarantined.values())
    assert innocent <= 2  # of 1800: deaths in a row may be chance
    assert given_up <= (12 if bad == 3 and seconds == 2.0 else 0)  # in the end only bad ones are left
    measured(stormy_runs=runs, healthy_targets_blamed=innocent, runs_given_up=given_up)


@pytest.mark.parametrize("targets", [16, 60])
@pytest.mark.parametrize("bad", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("when", [1.0, 5.0])
def test_one_healthy_worker_that_dies_hides_no_bad_target(
    targets: int, bad: int, size: int, when: float
) -> None:
    died = list[Running]()

    def one(now: float, running: list[Running]) -> list[Running]:
        healthy = [each for each in running if each.failure is None]
        if now < when or died or not healthy:
            return []
        died.append(healthy[0])
        return died

    world = Planted({f"G{7 * number % targets}" for number in range(bad)})
    done = Machines(ledger_of(TARGETS[:targets], 2, size), {"here": 2}, world, one).run()
    assert {u.target for u in done.ledger.quarantined} == world.failing
    assert len(done.ledger.done) == targets - bad
    assert all(len(errors) <= MOST_FAILURES for errors in done.ledger.quarantined.values())


@pytest.mark.parametrize("nodes", [2, 4, 8])
@pytest.mark.parametrize("bad", [3, 4])
def test_bad_targets_beside_a_broken_node_are_found_and_the_run_ends(nodes: int, bad: int) -> None:
    """They fail on every node, so that good nodes are left out, too."""
    failing = ["G3", "G15", "G8", "G11"][:bad]

    def fate(shard: Shard, node: str, now: float) -> tuple[float, tuple[FailureKind, str] | None]:
        if node == "n1" or set(failing) & set(shard.targets):
            return 0.5, ("killed", "signal 9")
        return 0.7 * len(shard.units), None

    places = {f"n{number}": 8 // nodes for number in range(nodes)}
    done = Machines(ledger_of(TARGETS[:20], 8, 2), places, fate).run(until=1000)
    assert {u.target for u in done.ledger.quarantined} <= set(failing)
    assert done.given_up or len(done.ledger.quarantined) == bad


def fails(ledger: Ledger, shard: Shard, kind: FailureKind, error: str = "signal 9") -> list[Shard]:
    """The shards that start then."""
    return started(ledger, Failed(shard.key, 1, kind, error))


def started(ledger: Ledger, event: Failed | Committed) -> list[Shard]:
    return [order.shard for order in ledger.handle(event) if isinstance(order, Start)]


def one_of_many(count: int, slots: int = 1) -> tuple[Ledger, Shard, list[Shard]]:
    """A ledger of that many other targets and one; what is in flight."""
    shards = [name_shard(RUN, [unit(f"G{number}")]) for number in range(count + 1)]
    ledger = Ledger(shards, RUN, slots)
    return ledger, shards[0], [order.shard for order in ledger.begin() if isinstance(order, Start)]


def test_the_third_attempt_waits_until_forty_others_have_ended() -> None:
    ledger, suspect, flying = one_of_many(2 * RECENT)
    for _ in range(2):
        flying.remove(suspect)
        flying += fails(ledger, suspect, "killed")
    assert suspect not in flying
    for ended in range(RECENT):
        assert suspect not in flying, ended
        flying += started(ledger, Committed(flying.pop(0).key))
    assert suspect in flying


def test_code_that_raises_is_tried_again_at_once() -> None:
    ledger, suspect, flying = one_of_many(2 * RECENT)
    for _ in range(2):
        flying.remove(suspect)
        flying += fails(ledger, suspect, "error", "ValueError: no")
        assert suspect in flying


def test_the_last_that_is_left_waits_for_no_others() -> None:
    ledger, suspect, flying = one_of_many(1)
    flying += started(ledger, Committed(flying.pop().key))
    assert flying == [suspect]
    assert fails(ledger, suspect, "killed") == [suspect]
    assert fails(ledger, suspect, "killed") == [suspect]
    assert fails(ledger, suspect, "killed") == []
    assert ledger.quarantined.keys() == {suspect.units[0]}


def test_a_suspect_waits_for_none_where_a_slot_is_free() -> None:
    ledger, suspect, flying = one_of_many(2, slots=3)
    for again in range(2):
        flying.remove(suspect)
        flying += fails(ledger, suspect, "killed")
        assert suspect in flying, again  # beside two long ones


def test_a_fourth_attempt_waits_for_some_seconds_longer_each_time() -> None:
    ledger, suspect, flying = one_of_many(8)
    for number in range(4):  # half of the others fail once: three failures say little
        other = next(each for each in flying if each != suspect)
        flying.remove(other)
        flying += fails(ledger, other, "killed") if number % 2 else started(ledger, Committed(other.key))
    while others := [each for each in flying if each != suspect]:
        flying.remove(others[0])
        flying += started(ledger, Committed(others[0].key))
    for _ in range(3):
        ledger.tick(ledger.now)
        flying = fails(ledger, suspect, "killed")
    waits = []
    for _ in range(5):
        since = ledger.now
        while not (orders := ledger.tick(ledger.now)):
            ledger.now += 0.5
        assert [order.shard for order in orders if isinstance(order, Start)] == [suspect]
        waits.append(ledger.now - since)
        fails(ledger, suspect, "killed")
    assert waits == [2.0, 4.0, 8.0, LONGEST_SUSPECTED, LONGEST_SUSPECTED]


def test_three_failures_beside_two_others_that_fail_meanwhile_prove_nothing() -> None:
    evidence, target = Evidence(), unit("A")
    for number in range(20):
        evidence.succeeded([unit(f"S{number}")], "")
    failures = []
    for other in "BCD":
        failures.append(evidence.failed([target], "", "killed", "signal 9"))
        if other != "D":
            evidence.failed([unit(other)], "", "killed", "signal 9")
    assert not evidence.is_guilty(target, failures)
    evidence.succeeded([unit("B")], "")
    assert not evidence.is_guilty(target, failures)  # one death in 21 is none in a million, three times
    for number in range(RECENT):
        evidence.succeeded([unit(f"T{number}")], "")
    assert evidence.is_guilty(target, failures)
