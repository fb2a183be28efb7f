"""Units and shards: what is computed once, and how work on it is named."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

FIT = "fit"  # the work of a fold as a whole that its results come from, such as its shared networks
SEARCH = "search"  # the search for those networks' architecture
_FOLD_LEVEL = "*"  # begins the stored names of fold-level work
_ESCAPE = "\\"  # precedes the names of targets that begin like those
FINAL_FOLD = -1  # the fold whose training lines are all lines: its result is the model `predict` uses


@dataclass(frozen=True, order=True)
class Unit:
    """The smallest piece of work: a method's result for one target in one fold, or its work on a whole fold.

    Fold-level work has a `work` (`fit`, `search`) and no target.
    """

    method: str
    target: str
    fold: int
    work: str = ""

    @property
    def is_fold_level(self) -> bool:
        """Whether it is of the fold as a whole and not of one target."""
        return bool(self.work)

    @property
    def stored_name(self) -> str:
        """What stands for its target or work in keys and JSON files; no two units of a fold share it.

        Fold-level work is `*`, or `*search` and the like; a target that begins with `*` is escaped.
        """
        if self.is_fold_level:
            return _FOLD_LEVEL + ("" if self.work == FIT else self.work)
        return (_ESCAPE if self.target.startswith((_FOLD_LEVEL, _ESCAPE)) else "") + self.target

    def __str__(self) -> str:
        """As a message names it."""
        what = f"{self.work} of the whole fold" if self.is_fold_level else self.target
        return f"{what}, fold {self.fold}, {self.method}"


def fold_level_unit(method: str, fold: int, work: str = FIT) -> Unit:
    """A method's work on a fold as a whole."""
    return Unit(method, "", fold, work)


def unit_of(method: str, stored_name: str, fold: int) -> Unit:
    """The unit that a key or JSON file names."""
    if stored_name.startswith(_FOLD_LEVEL):
        return fold_level_unit(method, fold, stored_name.removeprefix(_FOLD_LEVEL) or FIT)
    return Unit(method, stored_name.removeprefix(_ESCAPE), fold)


class MethodFold(NamedTuple):
    """One method in one fold: its shards share what was prepared for them."""

    method: str
    fold: int

    def __str__(self) -> str:
        """As a message names it."""
        return f"{'final fit' if self.fold == FINAL_FOLD else f'fold {self.fold}'} of {self.method}"


def shard_key(run_digest: str, units: Sequence[Unit], dependencies: Sequence[str] = ()) -> str:
    """The name of a set of units: sha256 (hex) of the run's digest, the sorted units and their dependencies.

    Hex, so safe as a path; equal for equal work, whatever the process or the order of the units.
    """
    body = [run_digest, sorted([u.method, u.stored_name, u.fold] for u in units), sorted(dependencies)]
    return hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()


def unit_name(unit: Unit) -> str:
    """A path-safe name of one unit (a target's name may have characters that a path may not)."""
    return hashlib.sha256(json.dumps([unit.method, unit.stored_name, unit.fold]).encode()).hexdigest()
