"""What a run was thought to take, kept in its store for later runs and for `status`.

Advice alone: shards are sized by it, and no result depends on it.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from cluster.errors import DamagedFileError
from cluster.runs.planning import Costs
from cluster.store import layout
from cluster.store.body import read_json, seal_json
from cluster.store.filesystem import FileSystem
from cluster.store.units import FINAL_FOLD, Unit
from tasks.methods.cost import Factors


@dataclass(frozen=True)
class Estimate:
    """Core-seconds of each piece of a run's work, as (method, whether of the final fold, work).

    `factors` are those that were measured, by method; a method without is as its authors estimate it.
    """

    factors: Mapping[str, Factors]
    seconds: Mapping[tuple[str, bool, str], float]

    @classmethod
    def of(cls, costs: Costs, methods: Iterable[str]) -> Self:
        """What these costs say of some methods; the work of a target is called ""."""
        seconds = {}
        for method in sorted(set(methods)):
            for fold in (None, FINAL_FOLD):
                cost = costs.of(method, fold)
                for work, each in {"": cost.target, **cost.fold_work}.items():
                    seconds[method, fold == FINAL_FOLD, work] = float(each)
        factors = {name: costs.factors[name] for name in sorted(costs.factors)}
        return cls(factors, seconds)

    def of_units(self, units: Iterable[Unit]) -> dict[str, float]:
        """Core-seconds of units by method; those of methods that it does not know are left out."""
        total: dict[str, float] = {}
        for unit in units:
            each = self.seconds.get((unit.method, unit.fold == FINAL_FOLD, unit.work))
            if each is not None:
                total[unit.method] = total.get(unit.method, 0.0) + each
        return total

    def body(self) -> dict[str, Any]:
        """The same as the body of a JSON file."""
        return {
            "factors": {name: asdict(each) for name, each in self.factors.items()},
            "seconds": [[*piece, each] for piece, each in self.seconds.items()],
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """From what `body` gave."""
        return cls(
            {name: Factors(**each) for name, each in body["factors"].items()},
            {(method, final, work): each for method, final, work, each in body["seconds"]},
        )


def latest_estimate(fs: FileSystem) -> Estimate | None:
    """The last that was written into a store and is not damaged; None where there is none."""
    for number in sorted(_numbers(fs), reverse=True):
        path = layout.estimate_path(number)
        with suppress(DamagedFileError):  # `verify` tells of it; advice keeps nobody from work
            return Estimate.from_body(read_json(fs.read(path), path))
    return None


def keep_estimate(fs: FileSystem, run: str, estimate: Estimate) -> None:
    """Write it down, unless it is the last one already. Pieces that only earlier ones know are kept."""
    last = latest_estimate(fs)
    if last is not None:
        estimate = replace(
            estimate,
            factors={**last.factors, **estimate.factors},
            seconds={**last.seconds, **estimate.seconds},
        )
    if estimate == last:
        return
    number = max(_numbers(fs), default=0) + 1
    while not fs.create(
        layout.estimate_path(number), seal_json({"run": run, "number": number, **estimate.body()})
    ):
        number += 1


def known_factors(fs: FileSystem) -> Mapping[str, Factors]:
    """What was measured for this run before, by method."""
    last = latest_estimate(fs)
    return last.factors if last is not None else {}


def _numbers(fs: FileSystem) -> list[int]:
    return [number for path in fs.paths(layout.ESTIMATES) if (number := layout.estimate_of(path)) is not None]
