"""Who works on a store: a driver says so, and renews what it said as long as it lives.

A lease only saves work: what two drivers do twice is still committed once. So a clock that is wrong, or a
driver that comes back from a long sleep, costs time and no result.
"""

import hashlib
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cluster.errors import StorageError
from cluster.store import layout
from cluster.store.body import digest_of, read_json, seal_json
from cluster.store.filesystem import FileSystem

RENEWED = 20.0  # seconds between two signs of life
EXPIRES = 180.0  # seconds without one after which a driver counts as dead
FURTHEST_AHEAD = 86_400.0  # seconds that the clock of a living driver may be ahead of ours


@dataclass(frozen=True)
class Holder:
    """A driver at work: the number of its lease, where it runs, what it models, and when (Unix seconds)."""

    number: int
    host: str
    process: int
    methods: tuple[str, ...]
    began: float
    seen: float
    life: str  # names the process among all that ever ran on its machine; "" where the system does not tell
    machine: str
    beside: bool  # it meant to work beside others, and takes nothing over
    job: str = ""  # the submitted job whose driver it is; "" outside jobs
    address: str = ""  # where that job was sent to

    def in_words(self, now: float) -> str:
        """Who it is, for people."""
        minutes = max(0.0, now - self.began) / 60
        return (
            f"process {self.process} on {self.host} (run {self.number}, {minutes:.0f} min, "
            f"{' and '.join(self.methods)})"
        )


def living(fs: FileSystem, now: float) -> list[Holder]:
    """The drivers at work, by number."""
    ended, last = _last_signs(fs)
    holders = [_holder(fs, number, path) for number, path in last.items() if number not in ended]
    return [holder for holder in holders if holder is not None and not _is_dead(holder, now)]


def jobs(fs: FileSystem, now: float) -> list[tuple[Holder, bool]]:
    """The drivers that were or are submitted jobs, by number, and whether each is at work."""
    ended, last = _last_signs(fs)
    holders = [_holder(fs, number, path) for number, path in last.items()]
    return [
        (holder, holder.number not in ended and not _is_dead(holder, now))
        for holder in holders
        if holder is not None and holder.job
    ]


def _last_signs(fs: FileSystem) -> tuple[set[int], dict[int, str]]:
    """The numbers of the drivers that said they ended, and the path of each driver's last word."""
    named = [(found, path) for path in fs.paths(layout.LEASES) if (found := layout.lease_of(path))]
    ended = {number for (number, beat), _ in named if beat == layout.ENDED}
    return ended, {number: path for (number, _), path in sorted(named)}


class Lease:
    """Our own: taken by `take`, renewed by a thread until `end`."""

    def __init__(
        self, fs: FileSystem, number: int, body: dict[str, Any], on_loss: Callable[[], None]
    ) -> None:
        self.number = number
        self.is_lost = False
        self._fs, self._body, self._on_loss = fs, body, on_loss
        self._beat = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    @classmethod
    def take(
        cls,
        fs: FileSystem,
        methods: Sequence[str],
        beside: bool = False,
        on_loss: Callable[[], None] = lambda: None,
        job: Mapping[str, str] | None = None,
    ) -> Self | None:
        """A lease on a store's work by some methods; None where a living driver has one on any of them.

        `job`: the `name` of the submitted job whose driver this is, and the `address` that it was sent to.

        `beside` takes one all the same. `on_loss` is called (in a thread) when another driver has taken over,
        since we gave no sign of life for so long.
        """
        run = digest_of(read_json(fs.read(layout.RUN), layout.RUN))
        while True:
            if not beside and rivals(fs, methods):
                return None
            number = max(_numbers(fs), default=0) + 1
            body = {"run": run, **_own_body(number, methods, beside), **({"job": dict(job)} if job else {})}
            if fs.create(layout.lease_path(number), seal_json(body)):
                break
        lease = cls(fs, number, body, on_loss)
        if not beside and any(holder.number < number for holder in rivals(fs, methods)):
            lease.end()  # two asked at once: the one with the lower number has it
            return None
        lease._thread.start()
        return lease

    def renew(self) -> None:
        """Give a sign of life; notice whether somebody has taken over."""
        mine = set(self._body["methods"])
        for holder in living(self._fs, time.time()):
            if holder.number > self.number and not holder.beside and mine & set(holder.methods):
                self.is_lost = True
        self._beat += 1
        sign = str(self._beat)
        body = {**self._body, "time": time.time(), "sign": sign}
        self._fs.create(layout.lease_path(self.number, sign), seal_json(body))
        if self._beat > 1:
            self._fs.delete(layout.lease_path(self.number, str(self._beat - 1)))

    def end(self) -> None:
        """Say that we have ended."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        last_words = seal_json(self._body | {"sign": layout.ENDED})
        self._fs.create(layout.lease_path(self.number, layout.ENDED), last_words)
        if self._beat:
            self._fs.delete(layout.lease_path(self.number, str(self._beat)))

    def _keep(self) -> None:
        while not self._over.wait(RENEWED):
            try:
                self.renew()
            except StorageError:  # the run itself will meet that trouble, and say it
                continue
            if self.is_lost:
                self._on_loss()
                return


def rivals(fs: FileSystem, methods: Sequence[str]) -> list[Holder]:
    """The living drivers that work by any of these methods."""
    return [holder for holder in living(fs, time.time()) if set(holder.methods) & set(methods)]


def _numbers(fs: FileSystem) -> list[int]:
    return [found[0] for path in fs.paths(layout.LEASES) if (found := layout.lease_of(path))]


def _own_body(number: int, methods: Sequence[str], beside: bool) -> dict[str, Any]:
    process, now = os.getpid(), time.time()
    return {
        "number": number,
        "sign": "",
        "id": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "process": process,
        "methods": sorted(set(methods)),
        "began": now,
        "time": now,
        "life": _life(process),
        "machine": _machine(),
        "beside": beside,
    }


def _holder(fs: FileSystem, number: int, path: str) -> Holder | None:
    """The driver that wrote a lease or its last sign of life; None where it has just removed that."""
    try:
        body = read_json(fs.read(path), path)
        return Holder(
            number,
            str(body["host"]),
            int(body["process"]),
            tuple(map(str, body["methods"])),
            float(body["began"]),
            float(body["time"]),
            str(body["life"]),
            str(body["machine"]),
            bool(body["beside"]),
            str(body.get("job", {}).get("name", "")),
            str(body.get("job", {}).get("address", "")),
        )
    except (StorageError, AttributeError, KeyError, TypeError, ValueError):
        return None


def _is_dead(holder: Holder, now: float) -> bool:
    if (
        holder.machine
        and holder.machine == _machine()
        and holder.life
        and _life(holder.process) != holder.life
    ):
        return True  # of our own machine we know at once
    # A clock may be somewhat ahead; a sign from next year would keep everybody out until then.
    return now - holder.seen > EXPIRES or holder.seen - now > FURTHEST_AHEAD


def _life(process: int) -> str:
    """When a process of this machine began, in the system's own count; "" where there is none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    state, *fields = text.rpartition(")")[2].split()
    return "" if state == "Z" else f"{process}.{fields[18]}"


def _machine() -> str:
    """Names the machine, this boot, and where it counts processes; "" where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        space = re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        return ""
    return hashlib.sha256(f"{boot}.{space}".encode()).hexdigest()[:32]
