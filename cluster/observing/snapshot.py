"""How far a run is at one moment, by method and fold, and the words for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from cluster.store.units import FINAL_FOLD

MOST_FOLDS = 3  # that a method's line names: those at work
A_UNIT = "a unit is one target in one fold, or one fold as a whole"


@dataclass(frozen=True)
class FoldProgress:
    """The units of one method in one fold that a run has to do, and how many are done."""

    method: str
    fold: int
    units: int
    done: int

    def __str__(self) -> str:
        """`fold 3 45 %`."""
        name = "final fit" if self.fold == FINAL_FOLD else f"fold {self.fold}"
        return f"{name} {int(100 * self.done / max(1, self.units))} %"


AT_WORK_ELSEWHERE = "the first shards are at work; where Knockcast is new to a node, it compiles first"


@dataclass(frozen=True)
class Snapshot:
    """How far a run is. `left` and `left_by_method` are seconds, None or empty where nothing is known yet.

    A method's seconds are those of its own work, as if it had all slots alone. `trainings` says how far
    networks are, `preparing` which folds; `compiling`: the first run on this machine has nothing to show yet;
    None where the work is done elsewhere and this is not known.
    """

    folds: tuple[FoldProgress, ...]
    failures: int = 0
    quarantined: int = 0
    running: int = 0  # attempts that a worker has
    preparing: Sequence[str] = ()
    trainings: Sequence[str] = ()
    compiling: bool | None = False
    left: float | None = None
    before: int = 0  # of `done`, those that were when observing began
    left_by_method: Mapping[str, float] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """To be done in this run."""
        return sum(fold.units for fold in self.folds)

    @property
    def done(self) -> int:
        """Committed in this run."""
        return sum(fold.done for fold in self.folds)


def by_method(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Each method, and its folds in words: `2 of 6 folds done; fold 2 45 %`."""
    ordered = sorted(snapshot.folds, key=lambda each: each.method)
    for method, group in groupby(ordered, key=lambda each: each.method):
        folds = list(group)
        done = sum(each.done >= each.units for each in folds)
        at_work = [str(each) for each in folds if 0 < each.done < each.units]
        shown = [*at_work[:MOST_FOLDS], *(["..."] if len(at_work) > MOST_FOLDS else [])]
        said = f"{done} of {len(folds)} {'fold' if len(folds) == 1 else 'folds'} done"
        yield method, "; ".join([said, ", ".join(shown)]) if shown else said


def nothing_yet(snapshot: Snapshot) -> str:
    """What a run does that has no unit done; "" for one that has."""
    if snapshot.done:
        return ""
    if snapshot.compiling:
        return "compiling numerical code: the first run on a machine takes about half a minute for it"
    if snapshot.preparing and not snapshot.running:
        return f"preparing {', '.join(snapshot.preparing)}"
    if snapshot.compiling is None:
        return AT_WORK_ELSEWHERE if snapshot.running else "waiting for a node of the cluster to take the work"
    return "the first shards are at work" if snapshot.running else "starting"


def trouble_in(snapshot: Snapshot) -> str:
    """`3 failed attempts, 1 quarantined`; "" where there was none."""
    counts = {"failed attempts": snapshot.failures, "quarantined": snapshot.quarantined}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def time_left(snapshot: Snapshot) -> str:
    """`about 12 min left`; "" where it is not known, or all is done."""
    if snapshot.left is None or snapshot.done >= snapshot.units:
        return ""
    if snapshot.left < 1.0:
        return "the last takes longer than thought"
    return f"about {duration(snapshot.left)} left"


def duration(seconds: float) -> str:
    """`40 s`, `12 min 05 s`, `3 h 20 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
