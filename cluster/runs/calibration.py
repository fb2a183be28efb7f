"""`plan --calibrate`: what the work takes on the machine, or cluster, that will do it.

A part of the dataset that takes a few seconds is worked on for each method, with every slot busy; what that
took, over what the method says it would take (`Method.cost`), is how much slower or faster the whole will be.
So sizes are the methods' own estimate, and the machine, the data and the code beneath are measured.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Protocol, TypeVar

from cluster.runs.cut import Cut, cut_for
from cluster.runs.request import PreparedRun
from tasks.fitting.fold import panel_of
from tasks.methods.cost import Cost, Factors

Given = TypeVar("Given")
Result = TypeVar("Result")

SECONDS = 20.0  # of all methods together, on each slot; with Ray's start half a minute
FIRST_SHARE, SECOND_SHARE = 0.1, 0.7  # of a method's seconds: a small part, twice, then a larger one
MOST_FASTER = 0.2  # than estimated, for the size of the second part
CERTAIN_SECONDS = 0.2  # what takes less says more of the clock than of the work


class Slots(Protocol):
    """What does the work: every slot of this machine or of a cluster (`cluster.ray_engine.every_slot`)."""

    def results(self, work: Callable[[Given, int], Result], given: Given) -> list[Result]:
        """What the work gives on each slot, all of them at one time; it is told the number of its slot."""


def calibrated(prepared: PreparedRun, slots: Slots, seconds: float | None = None) -> dict[str, Factors]:
    """The factors of each method of a run that could be measured, in about so many seconds (`SECONDS`).

    Small parts, done twice since the first work of a process takes longer, say how large those that count
    may be.
    """
    panel = panel_of(prepared.dataset, prepared.facts, prepared.options.inputs)
    each = (SECONDS if seconds is None else seconds) / len(prepared.options.methods)
    first = {
        method: cut
        for method in prepared.options.methods
        if (cut := cut_for(prepared, panel, method, FIRST_SHARE * each))
    }
    if not first:
        return {}
    second = {}
    twice = _by_cut(slots, 2 * list(first.values()))
    for cut, costs in zip(first.values(), twice[len(first) :], strict=True):
        slower = fmean(_shared(cost) for cost in costs) / max(_shared(cut.estimated), 1e-3)
        room = SECOND_SHARE * each / max(MOST_FASTER, slower)
        second[cut.settings.method] = cut_for(prepared, panel, cut.settings.method, room) or cut
    return {
        method: averaged([compared(cost, cut.estimated) for cost in costs])
        for (method, cut), costs in zip(second.items(), _by_cut(slots, list(second.values())), strict=True)
    }


def _by_cut(slots: Slots, cuts: Sequence[Cut]) -> list[tuple[Cost, ...]]:
    """The costs that each slot measured, cut by cut."""
    return list(zip(*slots.results(_measured, cuts), strict=True))


def _measured(cuts: Sequence[Cut], slot: int) -> list[Cost]:
    return [cut.measured(slot) for cut in cuts]


def _shared(cost: Cost) -> float:
    return cost.preparation + sum(cost.fold_work.values())


def compared(measured: Cost, estimated: Cost) -> Factors:
    """The factor of each piece, as far as it took long enough to say; others have that of all together."""
    pairs = {
        "target": (measured.target, estimated.target),
        "preparation": (measured.preparation, estimated.preparation),
        "fold_work": (sum(measured.fold_work.values()), sum(estimated.fold_work.values())),
    }
    taken, thought = (sum(pair[i] for pair in pairs.values()) for i in (0, 1))
    together = taken / thought if taken > 0 and thought > 0 else 1.0
    known = {
        name: was / said
        for name, (was, said) in pairs.items()
        if was > 0 and said > 0 and (name == "target" or was >= CERTAIN_SECONDS)
    }
    return Factors(**(dict.fromkeys(pairs, together) | known))


def averaged(factors: Sequence[Factors]) -> Factors:
    """Of several slots, the mean: work goes to all of them."""
    return Factors(
        fmean(each.target for each in factors),
        fmean(each.preparation for each in factors),
        fmean(each.fold_work for each in factors),
    )
