"""How long work may go without a sign of progress before it is taken to hang."""

from collections.abc import Callable
from dataclasses import dataclass

from cluster.scheduling.shards import Shard
from cluster.scheduling.signs import Limit
from cluster.store.units import MethodFold

LONGEST_LOOK = 60.0  # seconds between two looks of the driver that count at most: it may have stood still


@dataclass(frozen=True)
class Deadlines:
    """How long a shard may make no progress, so that what hangs is found and what is slow is left alone.

    Wide on purpose: `factor` times what is estimated, at least `floor` seconds. Until a shard's first sign of
    progress that is the estimate of the whole shard (its method may fit all targets at once); then that of
    one target, or the slowest step of its method seen in this run, whichever is longer. The clock starts when
    the executor saw the shard begin: waiting for a CPU or for the preparation of its fold does not count. A
    preparation reports nothing; its limit is made of `preparation`, its estimate.
    """

    estimate: Callable[[Shard], float] = lambda shard: 0.0
    preparation: Callable[[MethodFold], float] = lambda method_fold: 0.0
    factor: float = 20.0
    floor: float = 900.0

    def limit(self, shard: Shard, slowest: float = 0.0) -> Limit:
        """Of one shard; `slowest` is the slowest step of its method so far, in seconds."""
        whole = self.estimate(shard)
        first = max(self.floor, self.factor * max(whole, slowest))
        return Limit(first, max(whole / len(shard.units), slowest), self.factor, self.floor)

    def of_preparation(self, method_fold: MethodFold) -> float:
        """The limit of preparing one method and fold, in seconds."""
        return max(self.floor, self.factor * self.preparation(method_fold))


class Patience:
    """Time since something last happened, as whoever looks now and then sees it.

    A look counts for no more than `LONGEST_LOOK` seconds: a driver that was stopped, or waited long for its
    store, has not watched, and nothing is late for that.
    """

    def __init__(self, now: float) -> None:
        self.quiet = 0.0
        self._looked = now

    def look(self, now: float) -> float:
        """Returns for how long it has been quiet."""
        self.quiet += min(max(0.0, now - self._looked), LONGEST_LOOK)
        self._looked = now
        return self.quiet

    def renew(self) -> float:
        """Something happened; returns how long it had been quiet."""
        before, self.quiet = self.quiet, 0.0
        return before
