"""`knockcast status`, `verify` and `gc`: how a store is."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.errors import ExitCode
from cluster.text import measure_in_words
from tasks.errors import BadInputError

if TYPE_CHECKING:
    from cluster.answers.summary import Summary
    from cluster.store.leases import Holder

MOST_JOBS = 5  # that `status` names, the last first


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("status")(status)
    app.command("verify")(verify)
    app.command("gc")(gc)


def status(
    store: StoreArgument,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show how far the run is, until it is over; Ctrl-C ends that.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.2, help="Seconds between two looks of --watch.")
    ] = 5.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object; with --watch, a line for each look.")
    ] = False,
    summary: Annotated[
        bool,
        typer.Option("--summary", help="Also the slowest shards, time by stage and candidate, and memory."),
    ] = False,
) -> None:
    """What is done, what is left, what failed and why."""
    if as_json and summary:
        raise BadInputError("status: expected --json or --summary, not both; `query` has both as tables")
    if as_json:
        print_records(store, every if watch else None)
        return
    if watch:
        watch_store(store, every)
    show_status(store)
    if summary:
        show_summary(store)


def print_records(store: str, every: float | None) -> None:
    """Print a store's status as JSON; again every so many seconds as long as somebody works on it."""
    import json

    from cluster.answers.status_record import status_record
    from cluster.answers.watching import looks
    from cluster.store.reader import StoreReader

    reader = StoreReader.open(store)
    record = status_record(reader)
    print(json.dumps(record), flush=True)
    if every is None or not record["drivers"] or not record["units"]["left"]:
        return
    for record in looks(lambda: status_record(reader), every):
        print(json.dumps(record), flush=True)
        if not record["drivers"] or not record["units"]["left"]:
            return


def watch_store(store: str, every: float) -> None:
    """Show how far the run into a store is until it is over: live on a terminal, else one line a minute."""
    from cluster.answers.watching import watch
    from cluster.observing.terminal import observer_for
    from cluster.store.reader import StoreReader

    watch(StoreReader.open(store), observer_for(), every)


def show_summary(store: str) -> None:
    """Print what the runs into a store took."""
    from cluster.answers.summary import summary_of
    from cluster.store.reader import StoreReader

    print(_summary_text(summary_of(StoreReader.open(store))), end="")


def _summary_text(summary: "Summary") -> str:
    from cluster.formats import frame_text

    memory = f"; most memory of a worker {summary.memory / 2**20:.0f} MiB" if summary.memory else ""
    slowest = summary.slowest.assign(memory=(summary.slowest["memory"].astype(float) / 2**20).round())
    return (
        f"work: {summary.shards} shards, {summary.seconds:.0f} core-seconds{memory}\n"
        f"slowest shards (core-seconds, MiB):\n{frame_text(slowest.round({'seconds': 1}))}"
        f"time by stage and candidate (core-seconds):\n{frame_text(summary.stages.round({'seconds': 1}))}"
    )


def verify(
    store: StoreArgument,
    repair: Annotated[bool, typer.Option("--repair", help="Move bad commits aside; delete nothing.")] = False,
) -> None:
    """Check every committed byte against its recorded sha256."""
    raise typer.Exit(verify_store(store, repair))


def gc(
    store: StoreArgument,
    compact: Annotated[
        bool,
        typer.Option(
            "--compact", help="Fold small commits into packs; remove what packs of an earlier call replace."
        ),
    ] = False,
    keep: Annotated[
        float,
        typer.Option("--keep", metavar="MINUTES", min=0.0, help="How long files stay that a pack replaces."),
    ] = 60.0,
) -> None:
    """Remove files of attempts whose work another attempt has committed."""
    from cluster.maintenance.compact import compact as fold
    from cluster.maintenance.compact import remove_replaced
    from cluster.maintenance.spare import gc as remove_spare_files
    from cluster.store.filesystem import open_filesystem

    fs = open_filesystem(store)
    if compact:  # what is removed was replaced by packs that stood before this call
        replaced = remove_replaced(fs, keep * 60)
        made = fold(fs)
        print(f"{store}: {len(made)} packs made, {len(replaced)} files removed that earlier packs replace")
    removed = remove_spare_files(fs)
    print(f"{store}: {len(removed)} files removed")
    for path in removed:
        print(f"  {path}")


def show_status(store: str) -> None:
    """Print how far a store's runs are, and what failed."""
    from cluster.answers.cost import in_words as took_in_words
    from cluster.answers.cost import took, why_more
    from cluster.answers.status import state_of, status_of
    from cluster.formats import frame_text
    from cluster.store.leases import jobs, living
    from cluster.store.reader import StoreReader
    from cluster.worker.checkpoints import trainings

    reader = StoreReader.open(store)
    status = status_of(reader)
    run, measure = reader.run, measure_in_words(reader.run["measure"])
    print(
        f"{store}: {state_of(reader, status)}; preset {run['preset']}, scheme {run['scheme']}, "
        f"seed {run['seed']}, measure: {measure}"
    )
    print(f"units: {status.wanted} wanted, {status.committed} committed, {status.quarantined} quarantined")
    print(
        f"attempts: {status.failed_attempts} failed, {status.lost_attempts} at work or lost with their driver"
    )
    drivers = living(reader.fs, time.time())
    for driver in drivers:
        print(f"at work: {driver.in_words(time.time())}")
    for holder, at_work in jobs(reader.fs, time.time())[: -MOST_JOBS - 1 : -1]:
        print(f"job: {_job_in_words(holder, at_work)}")
    if status.statuses:
        print("ended as: " + ", ".join(f"{name} {count}" for name, count in status.statuses.items()))
    if times := took(reader):
        print("took: " + ", ".join(map(took_in_words, times)) + why_more(times))
    print(frame_text(status.by_fold), end="")
    committed = {commit.key for commit in reader.commits()}
    for key, training in trainings(reader.fs).items():
        if key in committed:
            continue
        print(f"in training: shard {key[:12]}: {training}")
    for unit, errors in reader.quarantined().items():
        last = str(errors[-1]).splitlines()[0] if errors else "no error recorded"
        print(f"quarantined: {unit}: {last}")
    if (status.left or status.quarantined) and not drivers:
        print(f"knockcast resume {store}{' --retry-failed' if not status.left else ''}")


def _job_in_words(holder: "Holder", at_work: bool) -> str:
    """A submitted job of the store, and how to follow it."""
    state = f"{holder.job} (run {holder.number}): {'at work' if at_work else 'has ended'}"
    if not holder.address:
        return state
    return f"{state}; knockcast submit --address {holder.address} --attach {holder.job}"


def verify_store(store: str, repair: bool) -> ExitCode:
    """Check a store and print every problem; STORAGE unless it is whole, or was repaired so that it is."""
    from cluster.maintenance.maintain import verify as check
    from cluster.store.filesystem import open_filesystem

    report = check(open_filesystem(store), repair=repair)
    for line in report.lines():
        print(line)
    return ExitCode.STORAGE if report.left else ExitCode.DONE
