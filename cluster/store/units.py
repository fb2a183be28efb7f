"""Units and shards: what is computed once, and how work on it is named."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WHOLE = "*"  # stands for all targets: work that a fold needs once, such as its shared networks
SEARCH = "*search"  # the search for those networks' architecture
FINAL_FOLD = -1  # the fold whose training lines are all lines: its result is the model `predict` uses


@dataclass(frozen=True, order=True)
class Unit:
    """The smallest piece of work: one method's result for one target in one fold."""

    method: str
    target: str
    fold: int

    @property
    def is_whole(self) -> bool:
        """Whether it is of the fold as a whole and not of one target."""
        return self.target.startswith(WHOLE)


class Part(NamedTuple):
    """One method in one fold: its shards share what was prepared for them."""

    method: str
    fold: int

    def __str__(self) -> str:
        """As a message names it."""
        return f"fold {self.fold} of {self.method}"


def shard_key(run_digest: str, units: Sequence[Unit], needs: Sequence[str] = ()) -> str:
    """The name of a set of units: sha256 (hex) of the run's digest, the sorted units and the keys they need.

    Hex, so safe as a path; equal for equal work whatever process or order it came from.
    """
    body = [run_digest, sorted([u.method, u.target, u.fold] for u in units), sorted(needs)]
    return hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()


def unit_name(unit: Unit) -> str:
    """A path-safe name of one unit (targets may hold characters a path may not)."""
    return hashlib.sha256(json.dumps([unit.method, unit.target, unit.fold]).encode()).hexdigest()
