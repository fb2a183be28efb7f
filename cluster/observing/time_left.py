"""How long a run still takes: what its methods were estimated to need, corrected by what recent shards took.

Estimates are made for some machine, and wrong by a factor that differs between methods; within a method the
shards are alike. So each method has one factor: seconds that its recent shards took, over what they were
estimated to take, older shards counting less and less. A method of which nothing has ended yet is taken to be
as far off as the others together. A fold that is still to be prepared adds what its method's folds took.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

REMEMBERED = 0.95  # the weight of a shard beside that of the next: about twenty count
SLOWER_TO_FORGET = 0.98  # for all methods together, of which some may end long before others


@dataclass
class Factor:
    """Seconds taken over seconds estimated, of what ended lately."""

    remembered: float
    taken: float = 0.0
    estimated: float = 0.0

    def add(self, taken: float, estimated: float) -> None:
        """One shard more has ended."""
        self.taken = self.remembered * self.taken + taken
        self.estimated = self.remembered * self.estimated + estimated

    @property
    def value(self) -> float | None:
        """The factor; None where nothing has ended."""
        return self.taken / self.estimated if self.estimated > 0 else None


@dataclass(frozen=True)
class AtWork:
    """A shard that a worker has: what of it is not committed yet, estimated; and for how long it has run."""

    method: str
    estimated: float
    elapsed: float


class TimeLeft:
    """Learns from every shard that ends. All times are in seconds."""

    def __init__(self) -> None:
        self._all = Factor(SLOWER_TO_FORGET)
        self._of: dict[str, Factor] = {}
        self._preparations: dict[str, Factor] = {}

    def ended(self, method: str, estimated: float, taken: float) -> None:
        """A shard of a method (or a part of one) took so long on its slot."""
        self._all.add(taken, estimated)
        self._of.setdefault(method, Factor(REMEMBERED)).add(taken, estimated)

    def prepared(self, method: str, taken: float) -> None:
        """A fold of a method took so long to prepare."""
        self._preparations.setdefault(method, Factor(REMEMBERED)).add(taken, 1.0)

    def to_prepare(self, folds: Mapping[str, Sequence[float]]) -> dict[str, float]:
        """Seconds of one slot for folds that are not prepared: by method, how long each is worked on already.

        Nothing of a method of which no fold was seen to be prepared.
        """
        found = {}
        for method, elapsed in folds.items():
            seen = self._preparations.get(method)
            each = (seen.value if seen else None) or 0.0
            found[method] = sum(max(0.0, each - one) for one in elapsed)
        return found

    def factor(self, method: str) -> float | None:
        """What the estimates of a method are to be multiplied with; None as long as nothing has ended."""
        own = self._of.get(method)
        return (own.value if own else None) or self._all.value

    def by_method(
        self,
        todo: Mapping[str, float],
        at_work: Sequence[AtWork],
        folds: Mapping[str, Sequence[float]] | None = None,
    ) -> dict[str, float]:
        """Seconds of one slot that each method still takes; empty as long as nothing has ended.

        `todo` is what is not committed yet, estimated, with what is at work; `folds` is as in `to_prepare`.
        """
        if self._all.value is None:
            return {}
        spent = dict.fromkeys(todo, 0.0)
        for each in at_work:
            whole = each.estimated * (self.factor(each.method) or 0.0)
            spent[each.method] = spent.get(each.method, 0.0) + min(each.elapsed, whole)
        more = self.to_prepare(folds or {})
        return {
            m: max(0.0, work * (self.factor(m) or 0.0) - spent[m]) + more.get(m, 0.0)
            for m, work in todo.items()
        }

    def in_all(
        self,
        todo: Mapping[str, float],
        at_work: Sequence[AtWork],
        slots: int,
        folds: Mapping[str, Sequence[float]] | None = None,
    ) -> float | None:
        """Seconds until all is done on so many slots: no less than the longest of what is at work takes."""
        if self._all.value is None:
            return None
        work = sum(self.by_method(todo, at_work, folds).values())
        longest = max(
            (each.estimated * (self.factor(each.method) or 0.0) - each.elapsed for each in at_work),
            default=0.0,
        )
        return max(work / max(1, slots), longest)
