"""A fold by method `best` in memory, as a worker would fit it from what a store keeps."""

import numpy as np
import pyarrow as pa

from modeling.folds import Fold
from modeling.selection.select import SelectionSettings
from tasks.borrowing.preparing import PreparedBest
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.methods.method import FIT, FoldJob
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import run_shard


def settings(inputs: str = "expression", seed: int = 0) -> MethodSettings:
    """Of a run of `best`."""
    return MethodSettings("best", "quick", SelectionSettings(), seed, inputs=inputs)  # type: ignore[arg-type]


class Committed:
    """Fold-level work as it is read back."""

    def __init__(self, result: FoldResult) -> None:
        self._result = result

    def rows(self, table: str) -> pa.Table:
        """Of a table of the work."""
        return self._result.tables[table]

    def file(self) -> bytes:
        """The one file of the work."""
        return self._result.files["safetensors"]


def learned(panel: Panel, fold: Fold, of: MethodSettings | None = None) -> tuple[PreparedBest, FoldResult]:
    """A fold prepared for its targets, and the fold-level work it comes from."""
    of = of or settings()
    done = method_named("best").work_on_fold(FoldJob(FIT, panel, fold, of))
    return prepare_method_fold(panel, fold, of, [Committed(done)]), done


def tables_of(
    panel: Panel, fold: Fold, targets: list[int] | None = None, of: MethodSettings | None = None
) -> dict[str, pa.Table]:
    """The tables of one shard of all targets, or those given."""
    of = of or settings()
    prepared, _ = learned(panel, fold, of)
    return run_shard(panel, prepared, targets or list(range(len(panel.targets))), of).tables


def panel_of_arrays(
    expression: np.ndarray, effect: np.ndarray, variable: np.ndarray | None = None, **rest: object
) -> Panel:
    """Names for lines, genes and targets; all targets vary, if nothing is said."""
    lines, targets = effect.shape
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(lines)),
        genes=tuple(f"G{i}" for i in range(expression.shape[1])),
        targets=tuple(f"T{i}" for i in range(targets)),
        expression=expression.astype(np.float32),
        effect=effect.astype(np.float32),
        own=np.full(targets, -1),
        lineages=np.zeros(lines, dtype=np.int64),
        variable=np.arange(targets) if variable is None else variable,
        **rest,  # type: ignore[arg-type]
    )
