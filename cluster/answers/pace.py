"""How long a run still takes, by its store: what its last commits took, and how close they came."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from cluster.store.records import Commit
from cluster.store.units import Unit

RECENT = 40  # commits of a kind that count

Kind = tuple[str, bool]  # a method, and whether its work is of whole folds


def seconds_left(commits: Iterable[Commit], left: Iterable[Unit], slowest_gap: float = 600.0) -> float | None:
    """Seconds until `left` is done, at the pace of the last commits; None where that is not known.

    Each kind of unit takes what its last commits took. The pace is core-seconds of the last commits of all
    kinds over the time in which they were made; gaps of more than `slowest_gap` seconds, in which nobody
    worked, do not count. Commits of Knockcast 0.1 do not say when they were made.
    """
    todo = Counter(_kind(unit) for unit in left)
    if not todo:
        return 0.0
    timed = sorted((c for c in commits if c.ended is not None and c.seconds), key=lambda c: c.ended or 0.0)
    by_kind: defaultdict[Kind, list[Commit]] = defaultdict(list)
    for commit in timed:
        by_kind[_kind(commit.units[0])].append(commit)
    if any(kind not in by_kind for kind in todo):
        return None
    work = sum(count * _seconds_a_unit(by_kind[kind][-RECENT:]) for kind, count in todo.items())
    pace = _pace(timed[-RECENT:], slowest_gap)
    return work / pace if pace > 0 else None


def _kind(unit: Unit) -> Kind:
    return unit.method, unit.is_fold_level


def _seconds_a_unit(commits: list[Commit]) -> float:
    return sum(c.seconds or 0.0 for c in commits) / sum(len(c.units) for c in commits)


def _pace(commits: list[Commit], slowest_gap: float) -> float:
    """Core-seconds a second."""
    ends = [c.ended or 0.0 for c in commits]
    gaps = [b - a for a, b in pairwise(ends)]
    kept = [gap for gap in gaps if gap <= max(slowest_gap, 2 * (commits[0].seconds or 0.0))]
    worked = [c.seconds or 0.0 for c, gap in zip(commits[1:], gaps, strict=True) if gap in kept]
    if not kept or sum(kept) <= 0:
        return 1.0  # one commit: what a single slot does
    return sum(worked) / sum(kept)
