"""Who works on a store, and who has the right to."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cluster.maintenance.maintain import verify
from cluster.store import layout, leases
from cluster.store.body import read_json, seal_json
from cluster.store.filesystem import FileSystem, open_filesystem
from cluster.store.leases import EXPIRES, FURTHEST_AHEAD, Lease, living, rivals
from tests.made_stores import made_writer, units_of
from tests.promises import Measured


@pytest.fixture
def fs(tmp_path: Path) -> FileSystem:
    return made_writer(tmp_path / "store").fs


def rewritten(fs: FileSystem, path: str, **changes: object) -> None:
    body = {**read_json(fs.read(path), path), **changes}
    fs.delete(path)
    fs.create(path, seal_json(body))


def test_of_two_drivers_the_second_gets_no_lease_until_the_first_ends(fs: FileSystem) -> None:
    first = Lease.take(fs, ["best"])
    assert first is not None
    assert Lease.take(fs, ["best", "modifiers"]) is None
    [holder] = living(fs, time.time())
    assert (holder.number, holder.process, holder.methods) == (first.number, os.getpid(), ("best",))
    assert f"process {os.getpid()}" in holder.in_words(time.time())
    first.end()
    assert living(fs, time.time()) == []
    second = Lease.take(fs, ["best"])
    assert second is not None
    assert second.number > first.number
    second.end()


def test_other_methods_and_those_who_join_work_beside(fs: FileSystem) -> None:
    held = [Lease.take(fs, ["best"]), Lease.take(fs, ["ridge"]), Lease.take(fs, ["best"], beside=True)]
    assert all(lease is not None for lease in held)
    assert [holder.number for holder in rivals(fs, ["best"])] == [1, 3]
    for lease in held:
        assert lease is not None
        lease.renew()
        assert not lease.is_lost
        lease.end()
    assert [path for path in fs.paths(layout.LEASES) if ".ended" not in path] == [
        layout.lease_path(number) for number in (1, 2, 3)
    ]


def test_a_driver_of_this_machine_that_died_is_known_at_once(tmp_path: Path, fs: FileSystem) -> None:
    code = (
        "import os, sys\n"
        "from cluster.store.filesystem import open_filesystem\n"
        "from cluster.store.leases import Lease\n"
        "Lease.take(open_filesystem(sys.argv[1]), ['best'])\n"
        "os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "store"], check=False)
    assert fs.exists(layout.lease_path(1))
    assert living(fs, time.time()) == []
    lease = Lease.take(fs, ["best"])
    assert lease is not None
    lease.end()


def test_a_driver_of_another_machine_is_dead_when_it_gives_no_sign_of_life(fs: FileSystem) -> None:
    lease = Lease.take(fs, ["best"])
    assert lease is not None
    rewritten(fs, layout.lease_path(1), machine="another")
    now = time.time()
    assert len(living(fs, now + EXPIRES - 1)) == 1
    assert living(fs, now + EXPIRES + 10) == []
    lease.renew()
    rewritten(fs, layout.lease_path(1, "1"), machine="another", time=now + EXPIRES)
    assert len(living(fs, now + EXPIRES + 10)) == 1
    lease.end()


def test_a_forged_lease_keeps_nobody_out_for_ever(fs: FileSystem) -> None:
    lease = Lease.take(fs, ["best"])
    assert lease is not None
    now = time.time()
    rewritten(fs, layout.lease_path(1), machine="another", time=now + 3600, methods=[{}])
    (ahead,) = living(fs, now)
    assert "{}" in ahead.in_words(now)
    rewritten(fs, layout.lease_path(1), time=now + 2 * FURTHEST_AHEAD)
    assert living(fs, now) == []
    fs.create(f"leases/{'9' * 150}.json", seal_json({"number": 1}))
    again = Lease.take(fs, ["best"])
    assert again is not None
    assert again.number == 2
    again.end()
    lease.end()


def test_who_slept_too_long_learns_that_another_took_over(
    fs: FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    monkeypatch.setattr(leases, "RENEWED", 0.05)
    slept = Lease.take(fs, ["best"], on_loss=told.set)
    assert slept is not None
    with monkeypatch.context() as late:
        late.setattr(leases, "EXPIRES", -1.0)  # as if it had not been heard of for long
        taken = Lease.take(fs, ["best"])
    assert taken is not None
    assert told.wait(60)
    assert slept.is_lost
    taken.renew()
    assert not taken.is_lost
    taken.end()
    slept.end()


def test_of_many_that_ask_at_once_one_has_it(tmp_path: Path, fs: FileSystem, measured: Measured) -> None:
    del fs
    place = tmp_path / "store"
    gate = threading.Barrier(8)
    taken: list[Lease | None] = []

    def ask() -> None:
        mine = open_filesystem(place)
        gate.wait()
        taken.append(Lease.take(mine, ["best"]))

    asking = [threading.Thread(target=ask) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    held = [lease for lease in taken if lease is not None]
    assert len(held) == 1
    held[0].end()
    measured(asked_at_once=len(taken), leases_given=len(held))


def test_signs_of_life_replace_each_other_and_verify_reads_them(fs: FileSystem) -> None:
    lease = Lease.take(fs, ["best"])
    assert lease is not None
    for _ in range(12):
        lease.renew()
    assert fs.paths(layout.LEASES) == [layout.lease_path(1, "12"), layout.lease_path(1)]
    assert verify(fs).ok
    lease.end()
    rewritten(fs, layout.lease_path(1), number=7)
    assert [problem.path for problem in verify(fs).problems] == [layout.lease_path(1)]


def test_attempts_name_the_lease_they_were_begun_under(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    writer.lease = 5
    writer.add_plan(units_of("A", [0]))
    writer.begin_attempt("0" * 64, {})
    path = layout.attempt_path("0" * 64, 1)
    assert read_json(writer.fs.read(path), path)["lease"] == 5


def test_a_process_is_known_by_when_it_began() -> None:
    assert leases._life(os.getpid()) == leases._life(os.getpid()) != ""
    ended = multiprocessing.get_context("spawn").Process(target=int)
    ended.start()
    ended.join()
    assert leases._life(int(ended.pid or 0)) == ""
