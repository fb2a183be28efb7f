"""Two drivers on one store: each says who works on it, and one waits, leaves, or joins."""

import _thread
import os
import sys
import time
from collections.abc import Sequence

from cluster.errors import RefusedError
from cluster.ray_engine.submit import own_job
from cluster.store.filesystem import FileSystem
from cluster.store.leases import Holder, Lease, rivals

LOOKED_AGAIN = 2.0  # seconds between two looks at whether the other driver has ended


def take_turn(fs: FileSystem, methods: Sequence[str], if_busy: str) -> Lease | None:
    """The right to work on a store by these methods, once no other driver does.

    None where we had to wait: another has worked meanwhile, so that what is left must be looked at again.
    `if_busy` is `wait`; `leave`, which raises RefusedError; or `join`, which takes a lease beside the others.
    """
    others = rivals(fs, methods)
    lease = Lease.take(fs, methods, beside=if_busy == "join", on_loss=_stop, job=own_job(os.environ))
    if lease is not None:
        if others:
            _say(f"{fs.name}: {_named(others)} works on it, too; what both do is committed once")
        return lease
    others = rivals(fs, methods)
    if if_busy == "leave":
        raise RefusedError(f"{fs.name}: {_named(others)} works on it; --if-busy wait waits for its end")
    if others:
        _say(
            f"{fs.name}: waiting for {_named(others)}, which works on it; Ctrl-C ends this command alone, "
            "`knockcast status` shows how far it is, `--if-busy join` works beside it"
        )
    while rivals(fs, methods):
        time.sleep(LOOKED_AGAIN)
    return None


def _named(others: Sequence[Holder]) -> str:
    now = time.time()
    return " and ".join(holder.in_words(now) for holder in others) or "another driver"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stop() -> None:
    """Called in the lease's thread: this driver slept so long that another has taken over."""
    _say("another driver has taken over, as this one gave no sign of life for minutes; stopping here")
    _thread.interrupt_main()
