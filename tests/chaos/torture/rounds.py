"""One round: a new store, a run that is broken off and damaged at random, and what must be so in the end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.filesystem import FileSystem
from cluster.store.reader import StoreReader
from tests.chaos.torture.driver import Driver
from tests.chaos.torture.kept import Kept
from tests.chaos.torture.places import Place, Places
from tests.stores import table_bytes

METHOD = ("--method", "modifiers", "--preset", "ols")
LIVE = ("worker killed", "driver stopped", "gc beside the run", "verify beside the run")


@dataclass
class Torture:
    """A Dataset, the tables of its undisturbed run, and what was done so far.

    `kills` is how often the driver of each round is killed; `workers` are numbers to choose from, `places`
    where stores may lie.
    """

    dataset: Path
    undisturbed: dict[str, bytes]
    work: Path
    places: tuple[Places, ...]
    kills: int = 3
    workers: tuple[int, ...] = (0, 1, 2)
    done: Counter[str] = field(default_factory=Counter)
    family: dict[int, psutil.Process] = field(default_factory=dict)

    def round(self, number: int, seed: int) -> None:
        """Torture one store until its driver was killed often enough, finish it, and check it.

        Raises AssertionError with the round's number and seed, and leaves the store where it is.
        """
        rng = Random(seed * 1_000_003 + number)  # noqa: S311 - no secret
        place = rng.choice(self.places)(number)
        size, number_of_workers = rng.choice((1, 2, 5)), rng.choice(self.workers)
        workers = [*place.workers] or ["--workers", str(number_of_workers)]
        asked = [*METHOD, "--shard-size", str(size), *workers]
        run = ["run", str(self.dataset), "--store", place.address, *asked]
        kept = Kept.of(place.fs)
        for _ in range(self.kills):
            going = self._broken_off(run, place, rng)
            self._nothing_redone(kept, place)
            kept = self._damaged_and_mended(place.fs, rng)
            if not going:
                break
        self._finished(place, workers, kept, f"round {number} of seed {seed}")

    def _broken_off(self, run: list[str], place: Place, rng: Random) -> bool:
        """Run, do one thing beside it, kill the driver; False where the run ended by itself."""
        driver, fs = Driver(run, self.work / "log", place.environment), place.fs
        target = commits(fs) + rng.randrange(12)
        going = driver.wait_for(lambda: commits(fs) >= target and fs.exists(layout.RUN))
        if going and rng.random() < 0.7:
            self._beside(driver, place, rng)
            target = commits(fs) + rng.randrange(3)
            going = driver.wait_for(lambda: commits(fs) >= target)
        going = going and driver.go_on_for(rng.uniform(0.0, 0.2))  # not always just after a commit
        if not going:
            code = driver.process.wait()
            allowed = {0} if place.trouble is None else {0, 4}
            assert code in allowed, (
                f"{place.address}: run ended with {code}:\n{driver.log.read_text()[-4000:]}"
            )
        driver.kill()
        self.family |= driver.family
        self.done["driver killed"] += going
        return going

    def _beside(self, driver: Driver, place: Place, rng: Random) -> None:
        fault = rng.choice(LIVE) if place.trouble is None or rng.random() < 0.5 else place.fault
        if fault == "worker killed":
            self.done[fault] += driver.kill_worker(rng)
            return
        if fault == "driver stopped":
            driver.stand_still(rng.uniform(0.5, 3.0))
        elif fault == "gc beside the run":
            gc(place.fs, stale_seconds=3600)
        elif fault == "verify beside the run":
            problems = verify(place.fs).problems
            assert not problems, f"a false alarm beside the run: {problems}"
        elif place.trouble is not None:
            place.trouble(driver, rng)
        self.done[fault] += 1

    def _damaged_and_mended(self, fs: FileSystem, rng: Random) -> Kept:
        """Perhaps flip one bit of a committed file and repair: that shard is lost, no other."""
        found = StoreReader(fs).commits() if fs.exists(layout.RUN) else []
        if found and rng.random() < 0.5:
            commit = rng.choice(sorted(found, key=lambda each: each.key))
            path = rng.choice([layout.commit_path(commit.key), *(file.path for file in commit.files)])
            data = bytearray(fs.read(path))
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            fs.delete(path)
            fs.create(path, bytes(data))
            before = names(fs)
            assert verify(fs, repair=True).moved, f"one bit of {path} was not found"
            lost = before - names(fs)
            assert lost <= {commit.key}, f"one bit of {path} cost {sorted(lost)}"
            self.done["bit flipped, repaired"] += 1
        return Kept.of(fs)

    def _finished(self, place: Place, workers: list[str], kept: Kept, where: str) -> None:
        driver = Driver(["resume", place.address, *workers], self.work / "log", place.environment)
        code = driver.end()
        self.family |= driver.family
        assert code == 0, f"{where}: resume ended with {code}:\n{(self.work / 'log').read_text()[-4000:]}"
        self._nothing_redone(kept, place)
        fs = place.fs
        gc(fs, stale_seconds=0)
        problems = verify(fs).problems
        assert not problems, f"{where}: {problems}"
        assert fs.exists(layout.SUCCESS), f"{where}: not sealed"
        left = place.unfinished_files()
        assert not left, f"{where}: temp files left: {left}"
        assert table_bytes(place.address) == self.undisturbed, (
            f"{where}: other tables than the undisturbed run"
        )
        self.done["rounds whose tables are equal, byte by byte"] += 1
        self.done[f"of them in {place.kind}"] += 1

    def _nothing_redone(self, kept: Kept, place: Place) -> None:
        changed = kept.changed(place.fs)
        assert not changed, f"committed work was not left alone in {place.address}: {changed}"
        self.done["committed shards looked at again"] += len(kept.files)


def commits(fs: FileSystem) -> int:
    """How many shards are committed."""
    return len(names(fs))


def names(fs: FileSystem) -> set[str]:
    """The keys of the shards that are committed."""
    return {key for path in fs.paths(layout.COMMITS) if (key := layout.key_of_commit(path))}


def say_counts(done: Counter[str], say: Callable[[str], None]) -> None:
    """One line a kind of thing, the most frequent first."""
    for name, count in done.most_common():
        say(f"{count:7d}  {name}")
