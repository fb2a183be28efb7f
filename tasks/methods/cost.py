"""What work costs: estimates that sizes of shards, deadlines and `knockcast plan` are made from.

Each method states its own (`Method.cost`). Measured (docs/benchmarks.md, docs/results.md) on one core of a
CPU, whatever `--device` is, at 720 training lines and, where genes count, 18 000 of them. Good to a factor of
three where most targets have modifiers and few lack lines that others have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

REFERENCE_GENES, REFERENCE_LINES = 18_000, 720
TRAINING_SHARE = 0.8  # of the cell lines: five folds
ROW_SECONDS = 0.0007  # one target's scores, baselines and rows, by any method
WORKER_BYTES = 450 * 2**20  # a worker process with the numerical libraries imported


@dataclass(frozen=True)
class DataSize:
    """How large a dataset is. `drugs` are those with a response.

    `profiled` targets have an effect and their own expression, `variable` ones a standard deviation above
    0.1; as many as there are genes where they are None. `share` of the cell lines trains: of the final fold
    all do.
    """

    genes: int
    cell_lines: int
    drugs: int = 0
    profiled: int | None = None
    variable: int | None = None
    share: float = TRAINING_SHARE

    @property
    def wide(self) -> float:
        """Genes, in units of the reference."""
        return self.genes / REFERENCE_GENES

    @property
    def long(self) -> float:
        """Training lines of one fold, in units of the reference."""
        return self.share * self.cell_lines / REFERENCE_LINES

    @property
    def n_profiled(self) -> int:
        """`profiled`, or the genes."""
        return self.genes if self.profiled is None else self.profiled

    @property
    def n_variable(self) -> int:
        """`variable`, or the genes."""
        return self.genes if self.variable is None else self.variable


@dataclass(frozen=True)
class Cost:
    """Estimated core-seconds and bytes of one method's work on a dataset.

    `target`: one target in one fold; `preparation`: one fold, before its targets; `fold_work`: each piece of
    fold-level work, by name. `fold_bytes`: one prepared fold, shared by all workers of a node;
    `worker_bytes`: one worker, its libraries included.
    """

    target: float = 0.0
    preparation: float = 0.0
    fold_work: Mapping[str, float] = field(default_factory=dict)
    fold_bytes: int = 0
    worker_bytes: int = WORKER_BYTES


@dataclass(frozen=True)
class Factors:
    """How many times as long as estimated the pieces of a method's work take."""

    target: float = 1.0
    preparation: float = 1.0
    fold_work: float = 1.0

    def applied(self, cost: Cost) -> Cost:
        """The estimate with them."""
        return replace(
            cost,
            target=cost.target * self.target,
            preparation=cost.preparation * self.preparation,
            fold_work={name: seconds * self.fold_work for name, seconds in cost.fold_work.items()},
        )
