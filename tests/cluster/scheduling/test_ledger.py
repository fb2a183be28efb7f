"""The ledger under chosen and random orders of events."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.scheduling.guilt import FAILURES_ALONE
from cluster.scheduling.ledger import IN_FLIGHT_PER_SLOT, Ledger
from cluster.scheduling.shards import (
    Cancel,
    Committed,
    Event,
    Failed,
    Found,
    GiveUp,
    Instruction,
    Quarantine,
    Recalled,
    RecordFailure,
    Say,
    Shard,
    Start,
    name_shard,
)
from cluster.scheduling.trouble import INFRASTRUCTURE_RESTARTS
from cluster.store.units import MethodFold, Unit, fold_level_unit

RUN = "f" * 64


def shard_of(*targets: str, fold: int = 0) -> Shard:
    return name_shard(RUN, [Unit("modifiers", target, fold) for target in targets])


def started(instructions: list[Instruction]) -> list[Shard]:
    return [i.shard for i in instructions if isinstance(i, Start)]


def test_at_most_two_shards_a_slot_are_in_flight() -> None:
    shards = [shard_of(f"G{i}") for i in range(10)]
    ledger = Ledger(shards, RUN, slots=2)
    assert started(ledger.begin()) == shards[:4]
    assert started(ledger.handle(Committed(shards[1].key))) == [shards[4]]
    assert ledger.in_flight == 4
    assert ledger.done == set(shards[1].units)


@pytest.mark.parametrize("kind", ["error", "killed", "deadline"])
def test_a_target_that_fails_is_found_by_halving_and_only_it_is_quarantined(kind: str) -> None:
    whole = shard_of(*(f"G{i}" for i in range(13)))
    failing = whole.units[8]
    ledger = Ledger([whole], RUN, slots=1)
    queue = started(ledger.begin())
    quarantines = []
    while queue:
        shard = queue.pop(0)
        event: Event = Committed(shard.key)
        if failing in shard.units:
            event = Failed(shard.key, 1, kind, "signal 9")  # type: ignore[arg-type]
        instructions = ledger.handle(event)
        assert isinstance(event, Committed) or isinstance(instructions[0], RecordFailure)
        quarantines += [i for i in instructions if isinstance(i, Quarantine)]
        queue += started(instructions)
    assert ledger.finished
    assert quarantines == [Quarantine(failing, (f"{kind}: signal 9",) * FAILURES_ALONE)]
    assert ledger.done == set(whole.units) - {failing}
    assert ledger.failures == 4 + FAILURES_ALONE  # 13 -> 7 -> 4 -> 2 -> alone


def test_the_story_tells_every_step_of_one_unit_and_nothing_of_others() -> None:
    whole = shard_of("A", "B")
    ledger = Ledger([whole], RUN, slots=1)
    ledger.begin()
    ledger.handle(Failed(whole.key, 1, "killed", "signal 9"))
    for _ in range(FAILURES_ALONE):
        ledger.handle(Failed(shard_of("A").key, 1, "error", "ValueError: no"))
    story = ledger.story(Unit("modifiers", "A", 0))
    assert len(story) == 1 + FAILURES_ALONE
    assert "2 targets" in story[0]
    assert "split into 1 + 1" in story[0]
    assert "ValueError: no" in story[-1]
    assert "quarantined" in story[-1]
    assert ledger.story(Unit("modifiers", "B", 0)) == story[:1]


def test_the_next_method_fold_is_that_of_the_first_pending_targets_in_no_shard_in_flight() -> None:
    def shard(method: str, target: str, fold: int, dependencies: tuple[str, ...] = ()) -> Shard:
        return name_shard(RUN, [Unit(method, target, fold)], dependencies)

    whole = name_shard(RUN, [fold_level_unit("latent", 0)])
    ridge = [shard("ridge", target, fold) for fold in (0, 1) for target in ("A", "B", "C")]
    ledger = Ledger([*ridge[:3], whole, *ridge[3:], shard("latent", "A", 0, (whole.key,))], RUN, slots=1)
    ledger.begin()
    assert ledger.next_method_fold() == MethodFold("ridge", 1)
    for done in (*ridge[:3], whole, *ridge[3:5]):
        ledger.handle(Committed(done.key))
    assert ledger.next_method_fold() is None


def test_failures_an_earlier_run_recorded_count() -> None:
    lone = shard_of("A")
    ledger = Ledger([lone], RUN, slots=1)
    ledger.begin()
    assert not ledger.knows(lone.units[0])
    ledger.handle(Recalled(lone.units[0], ("error: one", "error: two")))
    instructions = ledger.handle(Failed(lone.key, 1, "error", "three"))
    assert Quarantine(lone.units[0], ("error: one", "error: two", "error: three")) in instructions
    assert ledger.finished


@pytest.mark.parametrize("kind", ["node", "cancelled"])
def test_an_infrastructure_failure_restarts_the_shard_whole_but_only_a_few_times(kind: str) -> None:
    whole = shard_of("A", "B")
    ledger = Ledger([whole], RUN, slots=1)
    ledger.begin()
    for attempt in range(1, INFRASTRUCTURE_RESTARTS + 1):
        instructions = ledger.handle(Failed(whole.key, attempt, kind, "gone"))  # type: ignore[arg-type]
        assert instructions == [RecordFailure(whole, attempt, kind, "gone"), Start(whole)]  # type: ignore[arg-type]
    instructions = ledger.handle(Failed(whole.key, 9, kind, "gone"))  # type: ignore[arg-type]
    assert instructions[0] == RecordFailure(whole, 9, "killed", "gone")
    assert started(instructions) == [shard_of("A"), shard_of("B")]


def test_an_orphans_late_commit_finishes_the_units_of_a_split_shard() -> None:
    whole = shard_of("A", "B", "C", "D")
    ledger = Ledger([whole], RUN, slots=1)
    ledger.begin()
    halves = started(ledger.handle(Failed(whole.key, 1, "killed", "node unreachable")))
    assert ledger.orphans() == [whole.key]
    assert ledger.handle(Found(whole.key)) == [Cancel(half) for half in halves]
    assert ledger.done == set(whole.units)
    assert ledger.orphans() == []
    assert ledger.in_flight == 2
    assert ledger.handle(Failed(halves[0].key, 1, "cancelled", "")) == []
    assert ledger.handle(Committed(halves[1].key)) == []
    assert ledger.finished
    assert not ledger.quarantined


def test_a_late_commit_overrides_quarantine() -> None:
    whole = shard_of("A", "B")
    ledger = Ledger([whole], RUN, slots=1)
    ledger.begin()
    ledger.handle(Failed(whole.key, 1, "killed", "lost"))
    for _ in range(FAILURES_ALONE):
        ledger.handle(Failed(shard_of("A").key, 1, "error", "no"))
    assert list(ledger.quarantined) == [Unit("modifiers", "A", 0)]
    ledger.handle(Found(whole.key))
    assert not ledger.quarantined
    assert "no longer quarantined" in ledger.story(Unit("modifiers", "A", 0))[-1]


def test_a_commit_found_for_a_shard_that_is_queued_again_takes_it_off_the_queue() -> None:
    first, second, third = (shard_of(name) for name in "ABC")
    ledger = Ledger([first, second, third], RUN, slots=1)
    ledger.begin()
    ledger.slots = 0  # nothing restarts
    ledger.handle(Failed(first.key, 1, "node", "gone"))
    ledger.handle(Found(first.key))
    ledger.slots = 1
    assert started(ledger.handle(Committed(second.key))) == [third]


def test_after_stop_nothing_starts_and_cancelled_shards_are_no_failures() -> None:
    shards = [shard_of(f"G{i}") for i in range(6)]
    ledger = Ledger(shards, RUN, slots=1)
    ledger.begin()
    ledger.stop()
    assert ledger.handle(Committed(shards[0].key)) == []
    assert not ledger.finished
    assert ledger.handle(Failed(shards[1].key, 1, "cancelled", "")) == []
    assert ledger.finished
    assert ledger.failures == 0


def test_what_must_stay_prepared_shrinks_as_shards_are_done() -> None:
    shards = [shard_of("A", fold=0), shard_of("A", fold=1)]
    ledger = Ledger(shards, RUN, slots=1)
    ledger.begin()
    assert {method_fold.fold for method_fold in ledger.method_folds_left()} == {0, 1}
    ledger.handle(Committed(shards[0].key))
    assert {method_fold.fold for method_fold in ledger.method_folds_left()} == {1}


@dataclass
class World:
    """Plays executor and store for a ledger, checking what must hold after every event."""

    ledger: Ledger
    flying: dict[str, Shard] = field(default_factory=dict)
    lost: dict[str, Shard] = field(default_factory=dict)  # orphans that may still commit
    commits: Counter[str] = field(default_factory=Counter)
    quarantines: Counter[Unit] = field(default_factory=Counter)
    given_up: bool = False

    def carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Start(shard):
                    assert shard.key not in self.flying
                    assert not self.ledger.done.issuperset(shard.units)
                    self.flying[shard.key] = shard
                case Quarantine(unit, errors):
                    assert len(errors) >= FAILURES_ALONE
                    self.quarantines[unit] += 1
                case Cancel(shard):
                    assert shard.key in self.flying
                    assert self.ledger.done.issuperset(shard.units)
                case GiveUp(_, released):
                    assert not self.flying
                    assert self.ledger.quarantined.keys().isdisjoint(released)
                    self.given_up = True
                case RecordFailure() | Say():
                    pass
        assert len(self.flying) == self.ledger.in_flight <= IN_FLIGHT_PER_SLOT * self.ledger.slots
        at_work = [shard for shard in self.flying.values() if not self.ledger.done.issuperset(shard.units)]
        assert {shard.method_fold for shard in at_work} <= self.ledger.method_folds_left()

    def pass_time(self) -> None:
        self.carry_out(self.ledger.tick(self.ledger.now + 60.0))

    def end(self, key: str, kind: str) -> None:
        shard = self.flying.pop(key)
        if kind == "committed":
            self.commits[key] += 1
            self.carry_out(self.ledger.handle(Committed(key)))
            return
        self.lost[key] = shard
        self.carry_out(self.ledger.handle(Failed(key, 1, kind, "seen")))  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_order_of_events_ends_with_every_unit_done_or_quarantined(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=6), "sizes")
    slots = data.draw(st.integers(1, 3), "slots")
    shards = [shard_of(*(f"S{s}T{t}" for t in range(n)), fold=s % 2) for s, n in enumerate(sizes)]
    everything = {unit for shard in shards for unit in shard.units}
    world = World(Ledger(shards, RUN, slots))
    world.carry_out(world.ledger.begin())
    kinds = ["committed", "committed", "error", "killed", "deadline", "node", "cancelled", "orphan", "echo"]
    while not world.ledger.finished:
        kind = data.draw(st.sampled_from(kinds), "what happens")
        if kind == "orphan" and world.lost:
            key = data.draw(st.sampled_from(sorted(world.lost)), "orphan")
            world.carry_out(world.ledger.handle(Found(key)))
        elif kind == "echo":  # events of shards that are not in flight
            before = set(world.ledger.done)
            world.carry_out(world.ledger.handle(Failed("0" * 64, 1, "error", "")))
            world.carry_out(world.ledger.handle(Committed("0" * 64)))
            world.carry_out(world.ledger.handle(Found("0" * 64)))
            assert world.ledger.done == before
        elif world.flying:
            key = data.draw(st.sampled_from(sorted(world.flying)), "which")
            world.end(key, "committed" if kind == "orphan" else kind)
        else:
            world.pass_time()
    ledger = world.ledger
    assert world.given_up or ledger.done | ledger.quarantined.keys() == everything
    left = everything - ledger.done - ledger.quarantined.keys()
    assert {each.fold for each in ledger.method_folds_left()} == {unit.fold for unit in left}
    assert ledger.done.isdisjoint(ledger.quarantined)
    assert not world.commits or max(world.commits.values()) == 1
    assert not world.quarantines or max(world.quarantines.values()) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.sets(st.integers(0, 69), max_size=4), st.integers(1, 3), st.randoms())
def test_exactly_the_failing_targets_are_quarantined(size, failing_places, slots, random) -> None:  # type: ignore[no-untyped-def]
    whole = shard_of(*(f"G{i}" for i in range(size)))
    failing = {whole.units[i] for i in failing_places if i < size}
    world = World(Ledger([whole], RUN, slots))
    world.carry_out(world.ledger.begin())
    while not world.ledger.finished:
        if not world.flying:
            world.pass_time()
            continue
        key = random.choice(sorted(world.flying))
        world.end(key, "killed" if failing & set(world.flying[key].units) else "committed")
    assert world.ledger.done == set(whole.units) - failing
    assert world.given_up == (len(failing) > 2 and not world.ledger.done)  # nothing lives beside three
    assert world.given_up or set(world.ledger.quarantined) == failing
