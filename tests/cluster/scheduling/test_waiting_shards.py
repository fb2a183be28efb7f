"""Shards that read other shards' commits: when they start, and what becomes of them if those never come."""

import pytest

from cluster.runs.methods import dependencies_of, fold_level_units, task_key
from cluster.runs.planning import make_shards
from cluster.scheduling.guilt import FAILURES_ALONE
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.shards import Cancel, Committed, Failed, Found, Instruction, Shard, Start, name_shard
from cluster.store.units import FIT, SEARCH, Unit, fold_level_unit, shard_key
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Search
from tasks.methods.method import FoldTask
from tasks.methods.networks import FIRST_FOLD
from tests.costs import costs_of

RUN = "f" * 64


def settings(search: Search = "none") -> MethodSettings:
    return MethodSettings("latent", "quick", SelectionSettings(), 0, search=search)


def networks_of(fold: int, method: str = "latent") -> Shard:
    return name_shard(RUN, [fold_level_unit(method, fold)])


def targets_of(fold: int, *targets: str) -> Shard:
    return name_shard(RUN, [Unit("latent", t, fold) for t in targets], (networks_of(fold).key,))


def started(instructions: list[Instruction]) -> list[Shard]:
    return [i.shard for i in instructions if isinstance(i, Start)]


def test_a_shard_waits_for_the_networks_of_its_fold_and_for_nothing_else():
    networks, waiting = networks_of(0), targets_of(0, "A", "B")
    other = name_shard(RUN, [Unit("modifiers", "A", 0)])
    later, more = networks_of(1), targets_of(1, "A", "B")
    ledger = Ledger([networks, waiting, other, later, more], RUN, slots=4)
    assert started(ledger.begin()) == [networks, other, later]
    assert started(ledger.handle(Committed(other.key))) == []
    assert started(ledger.handle(Committed(later.key))) == [more]
    assert not ledger.finished
    assert started(ledger.handle(Committed(networks.key))) == [waiting]
    for shard in (more, waiting):
        ledger.handle(Committed(shard.key))
    assert ledger.finished
    assert not ledger.blocked


def test_a_commit_that_is_there_already_is_not_waited_for():
    waiting = targets_of(0, "A")
    assert started(Ledger([waiting], RUN, 1, committed=[networks_of(0).key]).begin()) == [waiting]


def test_what_a_waiting_shard_needs_is_not_released():
    ledger = Ledger([networks_of(0), targets_of(0, "A")], RUN, slots=1)
    ledger.begin()
    ledger.handle(Committed(networks_of(0).key))
    assert targets_of(0, "A").method_fold in ledger.method_folds_left()


def test_what_waits_for_something_given_up_is_blocked_and_the_run_ends():
    search = name_shard(RUN, [fold_level_unit("latent", 0, SEARCH)])
    networks = name_shard(RUN, [fold_level_unit("latent", 0)], (search.key,))
    waiting = name_shard(RUN, [Unit("latent", "A", 0)], (networks.key,))
    apart = targets_of(1, "A"), networks_of(1)
    ledger = Ledger([search, networks, waiting, *apart], RUN, slots=2)
    assert started(ledger.begin()) == [search, apart[1]]
    for _ in range(FAILURES_ALONE):
        ledger.handle(Failed(search.key, 1, "error", "out of memory"))
    assert set(ledger.quarantined) == set(search.units)
    assert ledger.blocked == {*networks.units, *waiting.units}
    assert any("given up" in line for line in ledger.story(waiting.units[0]))
    assert not ledger.finished  # the other fold goes on
    assert started(ledger.handle(Committed(apart[1].key))) == [apart[0]]
    ledger.handle(Committed(apart[0].key))
    assert ledger.finished


def test_what_needs_a_commit_nobody_makes_is_blocked_at_once():
    ledger = Ledger([targets_of(0, "A")], RUN, slots=1)
    assert ledger.begin() == []
    assert ledger.finished
    assert ledger.blocked == {Unit("latent", "A", 0)}


def test_halves_read_what_the_whole_read():
    whole = targets_of(0, "A", "B")
    ledger = Ledger([whole], RUN, 2, committed=whole.dependencies)
    ledger.begin()
    halves = started(ledger.handle(Failed(whole.key, 1, "killed", "signal 9")))
    assert [half.dependencies for half in halves] == [whole.dependencies] * 2
    keys = {shard_key(RUN, half.units, whole.dependencies) for half in halves}
    assert {half.key for half in halves} == keys


def test_a_late_commit_of_networks_wakes_those_that_wait():
    networks, waiting = networks_of(0), targets_of(0, "A")
    ledger = Ledger([networks, waiting], RUN, slots=1)
    ledger.begin()
    found = ledger.handle(Found(networks.key))
    assert started(found) == [waiting]
    assert [i.shard for i in found if isinstance(i, Cancel)] == [networks]


def search_key(fold: int, search: Search) -> str:
    task = FoldTask(SEARCH, fold if search == "nested" else FIRST_FOLD)
    return task_key("latent", task, RUN, settings(search))


@pytest.mark.parametrize("search", ["none", "once", "nested"])
def test_a_chain_of_dependencies_begins_where_nothing_is_needed(search: Search):
    folds = [0, 1, -1]
    units = fold_level_units("latent", folds, settings(search))
    made = {shard_key(RUN, [u], dependencies_of(u, RUN, settings(search))) for u in units}
    searched = {u.fold for u in units if u.work == SEARCH}
    assert searched == {"none": set(), "once": {FIRST_FOLD}, "nested": set(folds)}[search]
    for fold in folds:
        (read,) = dependencies_of(Unit("latent", "A", fold), RUN, settings(search))
        assert read == task_key("latent", FoldTask(FIT, fold), RUN, settings(search))
        assert read in made
        read_in_turn = dependencies_of(fold_level_unit("latent", fold), RUN, settings(search))
        assert set(read_in_turn) <= made
        expected = () if search == "none" else (search_key(fold, search),)
        assert read_in_turn == expected
    assert dependencies_of(Unit("modifiers", "A", 0), RUN, settings(search)) == ()


def test_the_work_of_a_whole_fold_is_a_shard_of_its_own_and_first():
    folds = [0, 1]
    units = [Unit("latent", t, f) for f in folds for t in ("A", "B", "C")]
    units = units + fold_level_units("latent", folds, settings())
    shards = make_shards(units, RUN, costs_of(10, 10), 1, 2, lambda u: dependencies_of(u, RUN, settings()))
    first, *rest = shards[:3]
    assert first.units == (fold_level_unit("latent", 0),)
    assert [len(s.units) for s in rest] == [1, 2]
    assert all(s.dependencies == (first.key,) for s in rest)
    assert not first.dependencies
    assert first.checkpointed
    assert not any(s.checkpointed for s in rest)
