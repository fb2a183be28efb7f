"""Shards: units of one method and fold that are worked on together; jobs: single attempts of a shard."""

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.store.units import MethodFold, Unit, shard_key


@dataclass(frozen=True)
class Shard:
    """Units of one method and fold that are computed, committed and lost together."""

    key: str
    units: tuple[Unit, ...]
    dependencies: tuple[str, ...] = ()  # keys of the commits it reads
    checkpointed: bool = False  # keeps checkpoints, so that a process started again continues where it was

    @property
    def method(self) -> str:
        """The method of all its units."""
        return self.units[0].method

    @property
    def fold(self) -> int:
        """The fold of all its units."""
        return self.units[0].fold

    @property
    def method_fold(self) -> MethodFold:
        """Its method and fold."""
        return MethodFold(self.method, self.fold)

    @property
    def is_fold_level(self) -> bool:
        """Whether it is of a fold as a whole, not of targets."""
        return self.units[0].is_fold_level

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets, in the shard's order."""
        return tuple(unit.target for unit in self.units)


def name_shard(
    run_digest: str, units: Sequence[Unit], dependencies: tuple[str, ...] = (), *, checkpointed: bool = False
) -> Shard:
    """The shard of these units, named by its content and what it reads.

    Raises ValueError unless they are of one method and one fold, at least one of them.
    """
    if len({(u.method, u.fold) for u in units}) != 1:
        raise ValueError("a shard holds units of one method and one fold, at least one of them")
    return Shard(shard_key(run_digest, units, dependencies), tuple(units), dependencies, checkpointed)


@dataclass(frozen=True)
class Job:
    """One attempt of one shard, as sent to a worker: plain data, small."""

    shard: Shard
    attempt: int
    store: str
    run: str  # the run's digest, for StoreWriter.join
