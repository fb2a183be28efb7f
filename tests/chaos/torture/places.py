"""Where a round's store lies, and what may befall it there: a folder, a disk that fills up, a bad network."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random

from cluster.store.filesystem import FileSystem, is_remote, open_filesystem
from tests.chaos.torture.driver import Driver
from tests.object_storage.faulty import CUT, LOST_ANSWER, REFUSED, SLOW, Faults, faulty
from tests.object_storage.servers import serving_bucket

SMALL = 64  # MB, of the disk
FINISHED, NO_STORAGE = 0, 4  # exit codes
HARMED = 7  # requests at a time at most: one is tried eight times

Trouble = Callable[[Driver, Random], None]


@dataclass(frozen=True)
class Place:
    """`address` of a store in such a `kind` of place; `fault` is what its `trouble` is called.

    `workers` are options that say where the work is done (without, any number of workers here), `environment`
    what its commands have beside ours.
    """

    kind: str
    address: str
    fault: str = ""
    trouble: Trouble | None = None
    workers: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fs(self) -> FileSystem:
        """Its files, also before there is a store."""
        return open_filesystem(self.address)

    def unfinished_files(self) -> list[str]:
        """What a writer left half done in a folder; a bucket holds nothing half."""
        return [] if is_remote(self.address) else [path.name for path in Path(self.address).rglob("*.tmp")]


Places = Callable[[int], Place]  # of the round with that number


def folders(work: Path) -> Places:
    """Folders on the machine's own disk."""
    return lambda number: Place("a folder", str(work / f"round-{number}"))


@contextmanager
def every_kind(work: Path) -> Iterator[tuple[Places, ...]]:
    """Folders, a bucket behind a bad network, and a small disk where this machine lets us mount one."""
    with _bucket(work) as bucket, _small_disk(work / "small") as disk:
        yield (folders(work), bucket, *([] if disk is None else [disk]))


@contextmanager
def _bucket(work: Path) -> Iterator[Places]:
    with serving_bucket("moto", work) as variables, faulty(variables["AWS_ENDPOINT_URL_S3"]) as (url, faults):
        changed = variables | {"AWS_ENDPOINT_URL_S3": url}
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield lambda number: Place(
                "a bucket",
                f"s3://bucket/round-{number}",
                "requests refused, cut, slow or unanswered",
                _harming(faults),
            )
        finally:
            os.environ.update({name: value for name, value in before.items() if value is not None})
            for name in (name for name, value in before.items() if value is None):
                del os.environ[name]


def _harming(faults: Faults) -> Trouble:
    def harm(driver: Driver, rng: Random) -> None:
        del driver
        for _ in range(rng.randint(1, HARMED)):
            fault = rng.choice((REFUSED, CUT, SLOW, LOST_ANSWER))
            faults.plan(fault, 1, lambda method, path: bool(method and path))

    return harm


@contextmanager
def _small_disk(folder: Path) -> Iterator[Places | None]:
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={SMALL}m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        print("mounting a tmpfs is refused here: no disk will be full")
        yield None
        return
    try:
        yield lambda number: Place(
            "a small disk", str(folder / f"round-{number}"), "disk full", _filling(folder / "filler")
        )
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _filling(filler: Path) -> Trouble:
    def fill(driver: Driver, rng: Random) -> None:
        """Until the run has ended: with the code for storage that fails, or because it was done before."""
        del rng
        try:
            with filler.open("wb") as file:
                while True:
                    file.write(bytes(2**12))
                    file.flush()
        except OSError:
            code = driver.end()
            said = driver.log.read_text()[-2000:]
            assert code in (FINISHED, NO_STORAGE), f"a full disk ended the run with {code}:\n{said}"
        finally:
            filler.unlink()

    return fill
