"""What the ledger learns (events) and what it orders (instructions)."""

from dataclasses import dataclass
from typing import Literal, get_args

from cluster.scheduling.shard import Shard
from cluster.store.units import Unit

TaskFailure = Literal["error", "killed", "deadline"]  # caused by the shard's own work
InfrastructureFailure = Literal["node", "cancelled"]  # caused by what it ran on
FailureKind = TaskFailure | InfrastructureFailure
INFRASTRUCTURE_FAILURES: tuple[FailureKind, ...] = get_args(InfrastructureFailure)


@dataclass(frozen=True)
class Committed:
    """The attempt in flight has ended, and the store holds a commit of its shard."""

    key: str


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


@dataclass(frozen=True)
class Recalled:
    """Errors an earlier run recorded of this target standing alone; they count towards quarantine."""

    unit: Unit
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Start:
    """Begin an attempt of this shard."""

    shard: Shard


@dataclass(frozen=True)
class RecordFailure:
    """Write down the failure of an attempt."""

    shard: Shard
    attempt: int
    kind: FailureKind
    error: str


@dataclass(frozen=True)
class Quarantine:
    """Give this target up for now, with the errors of its lone failures."""

    unit: Unit
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Cancel:
    """Stop this shard: another commit already holds all its units."""

    shard: Shard


Event = Committed | Found | Failed | Recalled
Instruction = Start | RecordFailure | Quarantine | Cancel
