"""From units to shards: which targets are worked on together, and what a run will cost.

Results must not depend on any of this: the size of a shard decides how much is lost with a worker and how
well the slots are filled, nothing else.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

from cluster.runs.fields import RunOptions
from cluster.runs.methods import settings_of
from cluster.scheduling.executor import Needs
from cluster.scheduling.shards import Shard, name_shard
from cluster.store.units import FINAL_FOLD, MethodFold, Unit
from tasks.methods.cost import Cost, DataSize, Factors
from tasks.methods.registry import method_named

BLOCK_SECONDS = 60.0  # losing a block of this length costs little, and Ray's 1 ms a task vanishes in it
SHARDS_PER_SLOT = 10  # at least, so that no slot stands idle long at the end and progress is seen to move
ENGINE_BYTES = 650 * 2**20  # the driver without the matrices, and Ray's own processes


@dataclass(frozen=True)
class Costs:
    """What a run's work takes, as its methods estimate it for a dataset of this size.

    `factors`, by method: how much longer it took where it was measured (`cluster.runs.calibration`).
    """

    size: DataSize
    options: RunOptions
    factors: Mapping[str, Factors] = field(default_factory=dict)

    def of(self, method: str, fold: int | None = None) -> Cost:
        """One method's costs: of a fold as any, or of this one; all cell lines train in the final fold."""
        size = replace(self.size, share=1.0) if fold == FINAL_FOLD else self.size
        cost = method_named(method).cost(size, settings_of(self.options, method))
        return self.factors[method].applied(cost) if method in self.factors else cost

    def seconds(self, shard: Shard) -> float:
        """Estimated core-seconds of a shard."""
        cost = self.of(shard.method, shard.fold)
        if shard.is_fold_level:
            return cost.fold_work[shard.units[0].work]
        return len(shard.units) * cost.target

    def preparation(self, method_fold: MethodFold) -> float:
        """Estimated core-seconds of preparing a method and fold for its targets."""
        return self.of(method_fold.method, method_fold.fold).preparation

    def memory(self, slots: int, methods: Iterable[str]) -> int:
        """Estimated bytes of expression and effects (float32), folds, workers, the driver and Ray.

        Of the dearest method; of folds two, as in `needs`. What becomes of the targets is not counted.
        """
        costs = [self.of(method) for method in set(methods)]
        dearest = max((2 * cost.fold_bytes + slots * cost.worker_bytes for cost in costs), default=0)
        matrices = 4 * (self.size.genes + self.size.n_profiled) * self.size.cell_lines
        return ENGINE_BYTES + matrices + dearest

    def needs(self, methods: Iterable[str], matrices: int) -> Needs:
        """What workers of these methods need, and what a node holds.

        That are the `matrices` (bytes), and two prepared folds: the next one is prepared while the last
        shards of one are worked on.
        """
        costs = {method: self.of(method, FINAL_FOLD) for method in set(methods)}
        folds = max((cost.fold_bytes for cost in costs.values()), default=0)
        return Needs({method: cost.worker_bytes for method, cost in costs.items()}, matrices + 2 * folds)


@dataclass(frozen=True)
class PlanLine:
    """One method and fold of a plan; `seconds` are estimated core-seconds, its preparation included."""

    method: str
    fold: int
    wanted: int
    reused: int
    shards: int
    seconds: float


@dataclass(frozen=True)
class PlanSummary:
    """What a run would do, for `knockcast plan`; `longest` are the core-seconds of the longest shard.

    The memory is that of one of the `nodes`, which share the slots evenly.
    """

    lines: tuple[PlanLine, ...]
    slots: int
    memory_bytes: int
    longest: float = 0.0
    nodes: int = 1

    @property
    def wanted(self) -> int:
        """Units asked for."""
        return sum(line.wanted for line in self.lines)

    @property
    def reused(self) -> int:
        """Units the store has already."""
        return sum(line.reused for line in self.lines)

    @property
    def shards(self) -> int:
        """Shards to be computed."""
        return sum(line.shards for line in self.lines)

    @property
    def core_seconds(self) -> float:
        """Estimated work left, on one core."""
        return sum(line.seconds for line in self.lines)

    @property
    def seconds(self) -> float:
        """Estimated time left, slots being busy as far as there are shards for them."""
        return max(self.core_seconds / self.slots, self.longest)


def make_shards(
    units: Iterable[Unit],
    run_digest: str,
    costs: Costs,
    slots: int,
    shard_size: int | None = None,
    dependencies: Callable[[Unit], tuple[str, ...]] = lambda unit: (),
) -> list[Shard]:
    """Cut units into shards: folds one after another (the final fit last), targets in the order they came.

    A block is sized to about `BLOCK_SECONDS` of estimated time, or smaller where that would leave fewer than
    `SHARDS_PER_SLOT` shards a slot; `shard_size`, where given, overrides both. The blocks of one method and
    fold differ by at most one target. Neighbours in the given order stay neighbours, so a caller who puts
    targets with the same missing cell lines together keeps them together. A unit of a whole fold is a shard
    of its own. `dependencies` gives the keys of the commits that a unit's work reads.
    """
    todo = sorted(dict.fromkeys(units), key=_fold_then_method)  # stable: targets keep their order
    fair = max(1, len(todo) // (SHARDS_PER_SLOT * slots))
    shards = []
    for _, group in groupby(todo, key=_fold_then_method):
        members = list(group)
        whole = [unit for unit in members if unit.is_fold_level]
        shards += [
            name_shard(
                run_digest, [unit], dependencies(unit), checkpointed=method_named(unit.method).checkpoints
            )
            for unit in whole
        ]
        members = [unit for unit in members if not unit.is_fold_level]
        if not members:
            continue
        timely = max(1, round(BLOCK_SECONDS / costs.of(members[0].method).target))
        size = shard_size or min(fair, timely)
        read = dependencies(members[0])
        shards += [name_shard(run_digest, block, read) for block in _even_blocks(members, size)]
    return shards


def summarise(
    wanted: Iterable[Unit],
    committed: set[Unit],
    shards: Sequence[Shard],
    costs: Costs,
    slots: int,
    nodes: int = 1,
) -> PlanSummary:
    """What the plan comes to, by method and fold, with what the store already holds."""
    ordered = sorted(set(wanted), key=_fold_then_method)
    lines = []
    for (_, fold, method), group in groupby(ordered, key=_fold_then_method):
        members = list(group)
        own = [s for s in shards if (s.method, s.fold) == (method, fold)]
        reused = sum(unit in committed for unit in members)
        seconds = sum(costs.seconds(s) for s in own)
        if any(not s.units[0].is_fold_level for s in own):
            seconds += costs.of(method, fold).preparation
        lines.append(PlanLine(method, fold, len(members), reused, len(own), seconds))
    methods = {shard.method for shard in shards}
    longest = max(map(costs.seconds, shards), default=0.0)
    memory = costs.memory(math.ceil(slots / nodes), methods)
    return PlanSummary(tuple(lines), slots, memory, longest, nodes)


def _fold_then_method(unit: Unit) -> tuple[bool, int, str]:
    return unit.fold == FINAL_FOLD, unit.fold, unit.method


def _even_blocks(members: Sequence[Unit], size: int) -> list[Sequence[Unit]]:
    count = math.ceil(len(members) / size)
    cuts = [i * len(members) // count for i in range(count + 1)]
    return [members[a:b] for a, b in pairwise(cuts)]
