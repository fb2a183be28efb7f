"""What an attempt says while it runs: that targets are finished, which are committed already, how far it is.

The work says it (`Signs`), in its own thread. Where the work runs, another thread looks every few seconds:
sends on what is new, and lets the work commit what it has finished, if it takes long. So what an attempt had
finished is not lost when it hangs or its process dies, and a short one still makes one commit.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

from cluster.errors import StorageError

REPORT_SECONDS = 5.0  # at most one report in so much time: a driver may have hundreds of workers to listen to
PART_SECONDS = 120.0  # what is finished waits no longer for its commit: two blocks, as plans size them


@dataclass(frozen=True)
class Limit:
    """How long an attempt may be quiet: `quiet` seconds without a sign of progress, now.

    After a sign that is `factor` times `step`, at least `floor`. A step is one target (or the block that its
    method fits at once): as estimated, or as slow as the slowest that was seen to end.
    """

    quiet: float
    step: float = 0.0
    factor: float = 20.0
    floor: float = 900.0

    def after(self, quiet: float) -> Self:
        """The limit from now on, as there was a sign after `quiet` seconds without one."""
        step = max(self.step, quiet)
        return replace(self, quiet=max(self.floor, self.factor * step), step=step)


@dataclass(frozen=True)
class Sign:
    """What an attempt has said so far."""

    steps: int = 0  # counts what moves on: targets finished, checkpoints kept
    parts: tuple[tuple[str, ...], ...] = ()  # targets that are committed already, before the rest
    node: str = ""  # where it runs, if there is more than this process


SILENT = Sign()


class Signs:
    """The signs of one attempt. Every method may be called from any thread."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        """`tell` takes how far a training is, in words, where somebody listens."""
        self._tell = tell
        self._sign = SILENT
        self._lock = threading.Lock()
        self._commit: Callable[[], tuple[str, ...]] | None = None

    @property
    def latest(self) -> Sign:
        """What was said so far."""
        return self._sign

    def progressed(self, words: str = "") -> None:
        """One step more is done."""
        with self._lock:
            self._sign = replace(self._sign, steps=self._sign.steps + 1)
        if words and self._tell is not None:
            self._tell(words)

    def commits_by(self, commit: Callable[[], tuple[str, ...]]) -> None:
        """From now on `commit` commits the targets that are finished and not yet committed; it names them."""
        self._commit = commit

    def keep(self) -> None:
        """Let what is finished be committed now; trouble with the store is left to the last commit."""
        with suppress(StorageError):
            if self._commit is not None and (targets := self._commit()):
                with self._lock:
                    self._sign = replace(self._sign, parts=(*self._sign.parts, targets))


def report_seconds(limit: Limit | None) -> float:
    """How often to look at an attempt's signs: often enough to see in time that it hangs."""
    return REPORT_SECONDS if limit is None else min(REPORT_SECONDS, limit.floor / 20)


def part_seconds(limit: Limit | None) -> float:
    """How long what is finished may wait for its commit: less than it may hang."""
    return PART_SECONDS if limit is None else min(PART_SECONDS, limit.floor / 4)


def no_progress(seconds: float) -> str:
    """The error of an attempt that was ended for it."""
    return f"no target finished and no checkpoint kept for {seconds:.0f} s, its deadline"
