"""How far the runs into a store are."""

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.text import counted, measure_in_words
from cluster.views.shards import failed_and_lost_attempts


@dataclass(frozen=True)
class Status:
    """How far a run is, in units unless named otherwise; `left` = wanted − committed − quarantined.

    `by_fold` has a row for each method and fold; `statuses` counts committed units by status word.
    """

    wanted: int
    committed: int
    left: int
    quarantined: int
    lost_attempts: int
    failed_attempts: int
    sealed: bool
    statuses: dict[str, int]
    by_fold: pd.DataFrame


def status_of(reader: StoreReader) -> Status:
    """How far the runs are, as of now."""
    reader.refresh()
    wanted, committed = reader.wanted_units(), reader.committed_units().keys()
    quarantined = reader.quarantined().keys() & wanted
    failed, lost = failed_and_lost_attempts(reader)
    return Status(
        wanted=len(wanted),
        committed=len(committed & wanted),
        left=len(wanted - committed - quarantined),
        quarantined=len(quarantined),
        lost_attempts=lost,
        failed_attempts=failed,
        sealed=reader.is_sealed(),
        statuses=dict(sorted(_statuses(reader).items())),
        by_fold=_by_fold(wanted, set(committed & wanted), set(quarantined)),
    )


def state_of(reader: StoreReader, status: Status) -> str:
    """How far the run is, in words; _SUCCESS alone does not make it complete."""
    if not (status.wanted or reader.attempts()):
        return "nothing was asked of it yet; `knockcast run` does"
    if not status.wanted or reader.committed_units().keys() - reader.wanted_units():
        return "its plan is missing; repeat the original `knockcast run`"
    if status.left:
        return f"{status.left} units left"
    return "complete" if status.sealed else "not sealed"


def unfinished(done: int, wanted: int, left: int) -> str:
    """What to say before the results of a run with units left, as they may change; "" of others."""
    if not left:
        return ""
    return (
        f"The run is not finished ({done} of {counted(wanted, 'unit')} are done), so all of this may change; "
        "the command knockcast resume does the rest."
    )


def in_words(reader: StoreReader) -> str:
    """What a store holds, in two lines: targets, methods, lines, folds; measure, and how far it is."""
    wanted, committed = reader.wanted_units(), reader.committed_units().keys()
    methods = sorted({unit.method for unit in wanted})
    targets = {unit.target for unit in wanted if not unit.is_fold_level}
    run, done = reader.run, len(committed & wanted)
    lines = f"{run['cell_lines']} cell lines, " if "cell_lines" in run else ""
    state = "complete" if reader.is_sealed() else "not complete"
    return (
        f"Store {reader.fs.name}: {counted(len(targets), 'target')} by {', '.join(methods) or 'no method'}\n"
        f"{lines}scheme {run.get('scheme')}; {measure_in_words(str(run.get('measure', 'effect')))}; {state}: "
        f"{done} of {counted(len(wanted), 'unit')}"
    )


def _statuses(reader: StoreReader) -> Counter[str]:
    """Committed units by status: as their commit says, or from its rows where some count from another."""
    shared = {commit.key: commit for commit in reader.overlapping()}
    statuses: Counter[str] = Counter()
    for commit in reader.commits():
        if commit.key not in shared:
            statuses.update(commit.statuses)
    targets = {unit.target for commit in shared.values() for unit in commit.units}
    for table in ("scores", "models") if shared else ():
        for commit, rows in reader.parts(table, ("status",), targets):
            if commit.key in shared:
                statuses.update(rows.column("status").to_pylist())
    return statuses


def _by_fold(wanted: set[Unit], committed: set[Unit], quarantined: set[Unit]) -> pd.DataFrame:
    counted = {"wanted": wanted, "committed": committed, "quarantined": quarantined}
    counts = {name: Counter((unit.method, unit.fold) for unit in units) for name, units in counted.items()}
    rows = [
        {"method": method, "fold": fold} | {name: counts[name][method, fold] for name in counted}
        for method, fold in sorted(counts["wanted"])
    ]
    return pd.DataFrame(rows, columns=["method", "fold", *counted])
