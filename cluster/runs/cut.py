"""A part of a dataset that a method is through with in a few seconds: fewer targets, genes, lines."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from jaxtyping import Int64

from cluster.runs.methods import settings_of
from cluster.runs.request import PreparedRun
from cluster.store.units import FINAL_FOLD
from modeling.folds import Fold
from modeling.seeds import generator
from tasks.fitting.fold import MethodSettings, Panel, target_indices
from tasks.fitting.panel_part import panel_part
from tasks.methods.cost import Cost, DataSize
from tasks.methods.registry import method_named
from tasks.methods.timed import timed

FEWEST_GENES, FEWEST_LINES = 400, 120
MOST_TEACHING, FEWEST_TEACHING = 400, 50  # targets that only teach others, or that networks predict
MOST_TARGETS = 2000  # that are fitted at most
BLOCK, BLOCK_SECONDS = (
    200,
    2.0,
)  # neighbours fitted together, as in a shard: they share patterns of missing lines
SHARED_SHARE = 0.6  # of the seconds, at most, for what targets share
SLOTS_APART = 8  # slots with targets of their own


@dataclass(frozen=True, eq=False)
class Cut:
    """What one method is measured on, and the estimate for just that."""

    panel: Panel
    folds: Mapping[int, Fold]
    settings: MethodSettings
    blocks: tuple[tuple[int, ...], ...]
    estimated: Cost
    seconds: float

    def measured(self, slot: int) -> Cost:
        """Work on the first fold for so many seconds, and time it; each slot begins with other targets."""
        first = slot * len(self.blocks) // SLOTS_APART % max(1, len(self.blocks))
        blocks = (*self.blocks[first:], *self.blocks[:first])
        return timed(self.panel, self.folds, min(self.folds), self.settings, blocks, self.seconds)


def cut_for(prepared: PreparedRun, panel: Panel, method: str, seconds: float) -> Cut | None:
    """The largest part of a run whose shared work takes one method not too many of so many core-seconds.

    As it estimates. Targets that are wanted are fitted, in an order in which the first are like all. Lines
    are cut last, since most work grows with their square. None where the smallest part takes more than twice
    as long, and where the method works on more than the panel.
    """
    if method_named(method).load(prepared.dataset) is not None:
        return None
    settings = settings_of(prepared.options, method)
    wanted = _wanted(prepared, panel, method)
    for size in _smaller_and_smaller(panel):
        cost = _of_first_fold(prepared, size, settings)
        shared = cost.preparation + method_named(method).trial_share * sum(cost.fold_work.values())
        smallest = size.genes <= FEWEST_GENES and size.cell_lines <= FEWEST_LINES
        if shared <= SHARED_SHARE * seconds or (smallest and shared <= 2 * seconds):
            blocks = _spread(wanted, min(BLOCK, max(1, int(BLOCK_SECONDS / max(cost.target, 1e-9)))))
            return _cut(prepared, panel, settings, size, blocks, seconds)
    return None


def _of_first_fold(prepared: PreparedRun, size: DataSize, settings: MethodSettings) -> Cost:
    """The estimate for what is measured: of fold-level work, what is done for the first fold."""
    method = method_named(settings.method)
    cost = method.cost(size, settings)
    first = min(fold.number for fold in prepared.folds if fold.number != FINAL_FOLD)
    done = Counter(task.work for task in method.fold_tasks([first], settings))
    return replace(cost, fold_work={work: times * cost.fold_work[work] for work, times in done.items()})


def _wanted(prepared: PreparedRun, panel: Panel, method: str) -> list[int]:
    """The targets that the method fits in a fold, in the order of the work."""
    mine = (unit for unit in prepared.units if unit.method == method and not unit.is_fold_level)
    names = [unit.target for unit in mine if unit.fold != FINAL_FOLD]
    return target_indices(panel, list(dict.fromkeys(names)))


def _smaller_and_smaller(panel: Panel) -> Iterator[DataSize]:
    genes, lines = len(panel.genes), len(panel.cell_lines)
    teaching = min(MOST_TEACHING, len(panel.variable))
    while True:
        yield DataSize(genes, lines, profiled=teaching, variable=teaching)
        if genes > FEWEST_GENES:
            genes = max(FEWEST_GENES, genes // 2)
        elif teaching > FEWEST_TEACHING:
            teaching = max(FEWEST_TEACHING, teaching // 2)
        elif lines > FEWEST_LINES:
            lines = max(FEWEST_LINES, lines * 3 // 4)
        else:
            return


def _spread(items: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Blocks of neighbours, in a random order that is always the same; no more than `MOST_TARGETS` items."""
    starts = generator(0, "spread").permutation(np.arange(0, len(items), size))
    blocks = [tuple(items[start : start + size]) for start in starts]
    return blocks[: max(1, MOST_TARGETS // size)]


def _with_few_that_vary(
    blocks: Sequence[tuple[int, ...]], panel: Panel, most: int
) -> Sequence[tuple[int, ...]]:
    """The first blocks: all that vary teach others, and how many do decides what fold-level work takes."""
    vary = set(panel.variable.tolist())
    total = list(accumulate(len(vary.intersection(block)) for block in blocks))
    return blocks[: max(1, bisect_right(total, most))]


def _evenly(count: int, of: int) -> Int64[np.ndarray, " chosen"]:
    return np.unique(np.linspace(0, of - 1, min(count, of)).round().astype(np.int64))


def _cut(
    prepared: PreparedRun,
    panel: Panel,
    settings: MethodSettings,
    size: DataSize,
    blocks: Sequence[tuple[int, ...]],
    seconds: float,
) -> Cut:
    lines = _evenly(size.cell_lines, len(panel.cell_lines))
    blocks = _with_few_that_vary(blocks, panel, size.n_variable)
    fitted = np.array([target for block in blocks for target in block], dtype=np.int64)
    others = np.setdiff1d(panel.variable, fitted)
    more = size.n_variable - int(np.isin(fitted, panel.variable).sum())
    columns = np.unique(np.concatenate([fitted, others[_evenly(max(0, more), len(others))]]))
    genes = _evenly(size.genes, len(panel.genes))
    part = panel_part(panel, lines, genes, columns)
    folds = {fold.number: _fold_part(fold, lines) for fold in prepared.folds if fold.number != FINAL_FOLD}
    actual = DataSize(
        len(genes), len(lines), profiled=int((part.own >= 0).sum()), variable=len(part.variable)
    )
    cost = _of_first_fold(prepared, actual, settings)
    place = {column: i for i, column in enumerate(columns.tolist())}
    placed = tuple(tuple(place[target] for target in block) for block in blocks)
    return Cut(part, folds, settings, placed, cost, seconds)


def _fold_part(fold: Fold, lines: Int64[np.ndarray, " lines"]) -> Fold:
    def place(rows: Int64[np.ndarray, " rows"]) -> Int64[np.ndarray, " rows"]:
        return np.flatnonzero(np.isin(lines, rows))

    return replace(fold, train=place(fold.train), test=place(fold.test))
