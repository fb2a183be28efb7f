"""Shards and jobs, what the ledger learns of them (events) and what it orders (instructions).

A shard is units of one method and fold that are worked on together; a job is a single attempt of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from cluster.scheduling.signs import Limit
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

    def __str__(self) -> str:
        """As a story names it."""
        unit, *others = self.units
        names = f"{len(self.units)} targets" if others else unit.work or unit.target
        return f"shard {self.key[:12]} ({names}, fold {self.fold})"


class Kind(NamedTuple):
    """What units have in common that take about as long as each other."""

    method: str
    fold: int
    work: str  # "" for targets

    @property
    def method_fold(self) -> MethodFold:
        """Their method and fold."""
        return MethodFold(self.method, self.fold)


def kind_of_unit(unit: Unit) -> Kind:
    """What a unit has in common with others."""
    return Kind(unit.method, unit.fold, unit.work)


class CountedUnits(set[Unit]):
    """A set of units that grows, and is counted as it does."""

    def __init__(self) -> None:
        super().__init__()
        self.by_kind: Counter[Kind] = Counter()

    def update(self, *more: Iterable[Unit]) -> None:
        """Add units; each counts once."""
        for units in more:
            new = set(units) - self
            self.by_kind.update(map(kind_of_unit, new))
            super().update(new)

    def lacking(self, wanted: Mapping[MethodFold, int], given_up: Collection[Unit]) -> set[MethodFold]:
        """The methods and folds of which fewer than `wanted` are here, or else given up."""
        over = Counter(MethodFold(unit.method, unit.fold) for unit in given_up if unit not in self)
        for kind, count in self.by_kind.items():
            over[kind.method_fold] += count
        return {method_fold for method_fold, count in wanted.items() if over[method_fold] < count}


def name_shard(
    run_digest: str, units: Sequence[Unit], dependencies: tuple[str, ...] = (), *, checkpointed: bool = False
) -> Shard:
    """The shard of these units, named by its content and what it reads.

    Raises ValueError unless they are of one method and one fold, at least one of them.
    """
    if len({(u.method, u.fold) for u in units}) != 1:
        raise ValueError("a shard holds units of one method and one fold, at least one of them")
    return Shard(shard_key(run_digest, units, dependencies), tuple(units), dependencies, checkpointed)


def rest_of(run_digest: str, shard: Shard, done: Collection[Unit]) -> Shard | None:
    """What is left of a shard; itself where nothing of it is done, None where all is."""
    left = [unit for unit in shard.units if unit not in done]
    if len(left) == len(shard.units):
        return shard
    return name_shard(run_digest, left, shard.dependencies) if left else None


def halves_of(run_digest: str, shard: Shard) -> list[Shard]:
    """A shard's units as two shards, or as one where it has a single unit."""
    middle = len(shard.units) // 2
    parts = [part for part in (shard.units[:middle], shard.units[middle:]) if part]
    return [name_shard(run_digest, part, shard.dependencies) for part in parts]


@dataclass(frozen=True)
class Job:
    """One attempt of one shard, as sent to a worker: plain data, small."""

    shard: Shard
    attempt: int
    store: str
    run: str  # the run's digest, for StoreWriter.join
    avoid: frozenset[str] = frozenset()  # nodes where it should not run, if there is another
    limit: Limit | None = None  # how long it may be quiet; None: for ever
    preparation: float | None = None  # seconds that preparing its fold may take


TaskFailure = Literal["error", "killed", "deadline"]  # caused by the shard's own work
InfrastructureFailure = Literal["node", "cancelled"]  # caused by what it ran on
FailureKind = TaskFailure | InfrastructureFailure
INFRASTRUCTURE_FAILURES: tuple[FailureKind, ...] = get_args(InfrastructureFailure)


@dataclass(frozen=True)
class Committed:
    """The attempt in flight has ended, and the store holds a commit of its shard."""

    key: str
    node: str = ""  # where it ran; "" where that is not known


@dataclass(frozen=True)
class PartCommitted:
    """The attempt in flight goes on, and the store holds a commit of these of its targets."""

    key: str
    targets: tuple[str, ...]
    node: str = ""


@dataclass(frozen=True)
class Found:
    """The store was seen to hold a commit of a shard given up before (an orphan worker was late)."""

    key: str


@dataclass(frozen=True)
class Failed:
    """An attempt of this shard was seen to end without a commit."""

    key: str
    attempt: int
    kind: FailureKind
    error: str
    node: str = ""


@dataclass(frozen=True)
class Recalled:
    """Errors an earlier run recorded of this target standing alone; they count towards quarantine."""

    unit: Unit
    errors: tuple[str, ...]
    nodes: tuple[str, ...] = ()  # where each of them was, if that is known


@dataclass(frozen=True)
class Start:
    """Begin an attempt of this shard, off some nodes."""

    shard: Shard
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RecordFailure:
    """Write down the failure of an attempt, and whether it counts against a target that stood alone."""

    shard: Shard
    attempt: int
    kind: FailureKind
    error: str
    node: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Quarantine:
    """Give this target up for now, with the errors of its lone failures."""

    unit: Unit
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Cancel:
    """Stop this shard: another commit already holds all its units."""

    shard: Shard


@dataclass(frozen=True)
class Say:
    """Tell the user, in one line."""

    text: str


@dataclass(frozen=True)
class GiveUp:
    """End the run: nothing can be done here now. These targets were not to blame for it, and are released."""

    text: str
    released: tuple[Unit, ...]


Event = Committed | PartCommitted | Found | Failed | Recalled
Instruction = Start | RecordFailure | Quarantine | Cancel | Say | GiveUp
