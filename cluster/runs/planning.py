"""From units to shards: which targets are worked on together, and what a run will cost.

Results must not depend on any of this: the size of a shard decides how much is lost with a worker and how
well the slots are filled, nothing else.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from cluster.runs.estimates import fold_work_seconds, preparation_seconds, target_seconds
from cluster.scheduling.shard import Shard, name_shard
from cluster.store.units import FINAL_FOLD, Unit
from modeling.networks.shared_networks import EXPRESSION_UNITS
from modeling.selection.association import TESTS, TILE_TARGETS
from tasks.methods.forest import GENES as FOREST_GENES
from tasks.networks.training import NETWORK_METHODS

BLOCK_SECONDS = 60.0  # losing a block of this length costs little, and Ray's 1 ms a task vanishes in it
SHARDS_PER_SLOT = 10  # at least, so that no slot stands idle long at the end and progress is seen to move
WORKER_BYTES = 450 * 2**20  # a worker process with the numerical libraries imported
GENE_BYTES = 8 + 8 + 1 / 8  # a gene and line as `modifiers` prepares it: standardised, ranked, as a bit


@dataclass(frozen=True)
class Costs:
    """What decides how long a unit takes: the candidates, the dataset's size, and how many drugs it has.

    `candidates` are a preset or names; `profiled` genes can be in method `profiles`, and
    `variable` targets are forecast by shared networks: as many as there are genes if None.
    """

    candidates: str | tuple[str, ...]
    genes: int
    lines: int
    drugs: int = 0
    profiled: int | None = None
    variable: int | None = None

    def seconds_per_unit(self, method: str) -> float:
        """Estimated core-seconds of one target in one fold; see `runs.estimates` for how good that is."""
        return target_seconds(method, self.candidates, self.genes, self.lines)

    def preparation(self, method: str) -> float:
        """Estimated core-seconds of preparing one fold for targets of a method."""
        return preparation_seconds(method, self.genes, self.lines)

    def seconds(self, shard: Shard) -> float:
        """Estimated core-seconds of a shard."""
        if shard.is_fold_level:
            return self.fold_work_seconds(shard.units[0])
        return len(shard.units) * self.seconds_per_unit(shard.method)

    def fold_work_seconds(self, unit: Unit) -> float:
        """Estimated core-seconds of work on a fold as a whole, networks stopping when they usually do."""
        profiled = self.genes if self.profiled is None else self.profiled
        variable = self.genes if self.variable is None else self.variable
        return fold_work_seconds(unit, self.genes, self.lines, self.drugs, profiled, variable)

    def memory(self, slots: int, methods: Iterable[str] = ("modifiers",)) -> int:
        """Estimated bytes of the raw expression (float32), of the methods' dearest fold, and of the workers.

        Folds are prepared one after another; the targets' effects and what becomes of them are not counted.
        """
        dearest = max((self.fold_bytes(m) + slots * self.worker_bytes(m) for m in set(methods)), default=0)
        return 4 * self.genes * self.lines + dearest

    def fold_bytes(self, method: str) -> int:
        """Estimated bytes of one prepared fold, shared by all workers.

        `modifiers`: standardised values, ranks and bits of all genes. `ridge` and `kernel`: the kernel of all
        lines with the training lines, and its eigenvectors; while they are made, standardised expression in
        two orders (float32). `forest`: standardised values, where there are more genes than it keeps.
        """
        if method in NETWORK_METHODS:
            return 8 * self.genes * self.lines  # what is forecast; no more than as many targets as genes
        if method in ("ridge", "kernel"):
            return 8 * (2 * self.lines**2 + self.genes * self.lines)
        if method == "forest":
            return 8 * self.genes * self.lines if self.genes > FOREST_GENES else 0
        return int(GENE_BYTES * self.genes * self.lines)

    def worker_bytes(self, method: str) -> int:
        """Estimated bytes of one worker: its libraries, and what one pattern of missing lines has anew.

        `modifiers`, `forest`: a tile of targets × genes for each test, and the genes prepared again (with
        stratified folds, for every target). `ridge`, `kernel`: the kernels of that pattern and their
        eigenvectors.
        """
        if method in NETWORK_METHODS:  # torch, lines as networks take them, weights with slopes and moments
            return 2 * WORKER_BYTES + 4 * self.genes * (5 * self.lines + 8 * 2 * EXPRESSION_UNITS)
        if method in ("ridge", "kernel"):
            return WORKER_BYTES + 8 * 4 * self.lines**2
        anew, tile = self.fold_bytes(method), 8 * TILE_TARGETS * self.genes
        if method == "forest":
            features = 40 * min(self.genes, FOREST_GENES) * self.lines  # of one fit, as they come and sorted
            return WORKER_BYTES + features + (anew + tile if anew else 0)
        return WORKER_BYTES + len(TESTS) * tile + anew


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
    """What a run would do, for `knockcast plan`; `longest` are the core-seconds of the longest shard."""

    lines: tuple[PlanLine, ...]
    slots: int
    memory_bytes: int
    longest: float = 0.0

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
            name_shard(run_digest, [unit], dependencies(unit), checkpointed=keeps_checkpoints(unit))
            for unit in whole
        ]
        members = [unit for unit in members if not unit.is_fold_level]
        if not members:
            continue
        timely = max(1, round(BLOCK_SECONDS / costs.seconds_per_unit(members[0].method)))
        size = shard_size or min(fair, timely)
        read = dependencies(members[0])
        shards += [name_shard(run_digest, block, read) for block in _even_blocks(members, size)]
    return shards


def keeps_checkpoints(unit: Unit) -> bool:
    """Whether work on a unit continues from a checkpoint: Ray then gives it an actor, which survives a crash.

    The only place that decides this; a method's own description should answer it.
    """
    return unit.is_fold_level and unit.method in NETWORK_METHODS


def summarise(
    wanted: Iterable[Unit], committed: set[Unit], shards: Sequence[Shard], costs: Costs, slots: int
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
            seconds += costs.preparation(method)
        lines.append(PlanLine(method, fold, len(members), reused, len(own), seconds))
    methods = {shard.method for shard in shards}
    longest = max(map(costs.seconds, shards), default=0.0)
    return PlanSummary(tuple(lines), slots, costs.memory(slots, methods), longest)


def _fold_then_method(unit: Unit) -> tuple[bool, int, str]:
    return unit.fold == FINAL_FOLD, unit.fold, unit.method


def _even_blocks(members: Sequence[Unit], size: int) -> list[Sequence[Unit]]:
    count = math.ceil(len(members) / size)
    cuts = [i * len(members) // count for i in range(count + 1)]
    return [members[a:b] for a, b in pairwise(cuts)]
