"""`knockcast status`, `verify` and `gc`: how a store is."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.errors import ExitCode
from cluster.text import measure_in_words

if TYPE_CHECKING:
    from cluster.answers.status import Status
    from cluster.store.leases import Holder
    from cluster.store.reader import StoreReader

MOST_JOBS = 5  # that `status` names, the last first


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("status")(status)
    app.command("verify")(verify)
    app.command("gc")(gc)


def status(store: StoreArgument) -> None:
    """What is done, what is left, what failed and why."""
    show_status(store)


def verify(
    store: StoreArgument,
    repair: Annotated[bool, typer.Option("--repair", help="Move bad commits aside; delete nothing.")] = False,
) -> None:
    """Check every committed byte against its recorded sha256."""
    raise typer.Exit(verify_store(store, repair))


def gc(store: StoreArgument) -> None:
    """Remove files of attempts whose work another attempt has committed."""
    from cluster.maintenance.spare import gc as remove_spare_files
    from cluster.store.filesystem import open_filesystem

    removed = remove_spare_files(open_filesystem(store))
    print(f"{store}: {len(removed)} files removed")
    for path in removed:
        print(f"  {path}")


def show_status(store: str) -> None:
    """Print how far a store's runs are, and what failed."""
    from cluster.formats import frame_text
    from cluster.results.store import Store
    from cluster.store.checkpoints import trainings
    from cluster.store.leases import jobs, living
    from cluster.store.reader import StoreReader

    reader, status = StoreReader.open(store), Store(store).status()
    print(f"{store}: {_state(reader, status)}; preset {reader.run['preset']}, scheme {reader.run['scheme']}, "
          f"seed {reader.run['seed']}, measure: {measure_in_words(reader.run['measure'])}")  # fmt: skip
    print(f"units: {status.wanted} wanted, {status.committed} committed, {status.quarantined} quarantined")
    print(f"attempts: {status.failed_attempts} failed, {status.lost_attempts} lost or running")
    for holder in living(reader.fs, time.time()):
        print(f"at work: {holder.in_words(time.time())}")
    for holder, at_work in jobs(reader.fs, time.time())[: -MOST_JOBS - 1 : -1]:
        print(f"job: {_job_in_words(holder, at_work)}")
    print("ended as: " + ", ".join(f"{name} {count}" for name, count in status.statuses.items()))
    print(frame_text(status.by_fold), end="")
    committed = {commit.key for commit in reader.commits()}
    for key, training in trainings(reader.fs).items():
        if key in committed:
            continue
        print(f"in training: shard {key[:12]}: {training}")
    for unit, errors in reader.quarantined().items():
        last = str(errors[-1]).splitlines()[0] if errors else "no error recorded"
        print(f"quarantined: {unit}: {last}")
    if status.left or status.quarantined:
        print(f"knockcast resume {store}{' --retry-failed' if not status.left else ''}")


def _job_in_words(holder: "Holder", at_work: bool) -> str:
    """A submitted job of the store, and how to follow it."""
    state = f"{holder.job} (run {holder.number}): {'at work' if at_work else 'has ended'}"
    if not holder.address:
        return state
    return f"{state}; knockcast submit --address {holder.address} --attach {holder.job}"


def _state(reader: "StoreReader", status: "Status") -> str:
    """How far the run is, in words; _SUCCESS alone does not make it complete."""
    if not status.wanted or reader.committed_units().keys() - reader.wanted_units():
        return "its plan is missing; repeat the original `knockcast run`"
    if status.left:
        return f"{status.left} units left"
    return "complete" if status.sealed else "not sealed"


def verify_store(store: str, repair: bool) -> ExitCode:
    """Check a store and print every problem; STORAGE unless it is whole, or was repaired so that it is."""
    from cluster.maintenance.maintain import verify as check
    from cluster.store.filesystem import open_filesystem

    report = check(open_filesystem(store), repair=repair)
    for line in report.lines():
        print(line)
    return ExitCode.STORAGE if report.left else ExitCode.DONE
