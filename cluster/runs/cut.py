"""A part of a dataset that a method is through with in a few seconds: fewer targets, genes, lines."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from cluster.runs.methods import settings_of
from cluster.runs.request import PreparedRun
from cluster.store.units import FINAL_FOLD
from modeling.folds import Fold
from tasks.dataset.layers import Layer
from tasks.fitting.fold import MethodSettings, Panel, target_indices
from tasks.methods.cost import Cost, DataSize
from tasks.methods.registry import method_named
from tasks.methods.timed import timed

FEWEST_GENES, FEWEST_LINES = 400, 120
MOST_TEACHING, FEWEST_TEACHING = 400, 50  # targets that only teach others, or that networks predict
FEWEST_TARGETS, MOST_TARGETS = 2, 240
RUNS = 4  # runs of neighbours that the fitted targets are: neighbours share a pattern of missing lines
SHARED_SHARE = 0.6  # of the seconds, at most, for what targets share


@dataclass(frozen=True, eq=False)
class Cut:
    """What one method is measured on, and the estimate for just that."""

    panel: Panel
    folds: Mapping[int, Fold]
    settings: MethodSettings
    targets: tuple[int, ...]
    estimated: Cost

    def measured(self) -> Cost:
        """Do the work of the first fold, and time it."""
        return timed(self.panel, self.folds, min(self.folds), self.settings, self.targets)

    def seconds(self, cost: Cost) -> float:
        """All of it, at such costs; not 0, so that it can be divided by."""
        return max(cost.preparation + sum(cost.fold_work.values()) + len(self.targets) * cost.target, 1e-3)


def cut_for(prepared: PreparedRun, panel: Panel, method: str, seconds: float) -> Cut | None:
    """The largest part of a run that one method takes about so many core-seconds for, as it estimates.

    Targets that are wanted are fitted, spread over all of them. Lines are cut last, since most work grows
    with their square. None where the smallest part takes more than twice as long, and where the method works
    on more than the panel.
    """
    if method_named(method).load(prepared.dataset) is not None:
        return None
    settings = settings_of(prepared.options, method)
    wanted = _wanted(prepared, panel, method)
    for size in _smaller_and_smaller(panel):
        cost = _of_first_fold(prepared, size, settings)
        shared = cost.preparation + method_named(method).trial_share * sum(cost.fold_work.values())
        smallest = size.genes <= FEWEST_GENES and size.cell_lines <= FEWEST_LINES
        fewest = min(FEWEST_TARGETS, len(wanted))
        fits = shared <= SHARED_SHARE * seconds and shared + fewest * cost.target <= seconds
        if not fits and not (smallest and shared + fewest * cost.target <= 2 * seconds):
            continue
        room = int((seconds - shared) / cost.target) if cost.target else 0
        fitted = _spread(wanted, min(max(room, fewest), MOST_TARGETS))
        return _cut(prepared, panel, settings, size, fitted)
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


def _spread(items: Sequence[int], count: int) -> list[int]:
    """So many items: a few runs of neighbours, at even distances."""
    if count >= len(items):
        return list(items)
    runs = min(RUNS, count)
    each = -(-count // runs)
    starts = [round(i * (len(items) - each) / max(1, runs - 1)) for i in range(runs)]
    chosen = dict.fromkeys(i for start in starts for i in range(start, start + each))
    return [items[i] for i in chosen][:count]


def _evenly(count: int, of: int) -> Int64[np.ndarray, " chosen"]:
    return np.unique(np.linspace(0, of - 1, min(count, of)).round().astype(np.int64))


def _cut(
    prepared: PreparedRun, panel: Panel, settings: MethodSettings, size: DataSize, fitted: Sequence[int]
) -> Cut:
    lines = _evenly(size.cell_lines, len(panel.cell_lines))
    teaching = panel.variable[_evenly(size.n_variable, len(panel.variable))]
    columns = np.unique(np.concatenate([np.asarray(fitted, dtype=np.int64), teaching]))
    own = panel.own[np.asarray(fitted, dtype=np.int64)]
    genes = np.unique(np.concatenate([_evenly(size.genes, len(panel.genes)), own[own >= 0]]))
    part = panel_part(panel, lines, genes, columns)
    folds = {fold.number: _fold_part(fold, lines) for fold in prepared.folds if fold.number != FINAL_FOLD}
    actual = DataSize(
        len(genes), len(lines), profiled=int((part.own >= 0).sum()), variable=len(part.variable)
    )
    cost = _of_first_fold(prepared, actual, settings)
    place = {column: i for i, column in enumerate(columns.tolist())}
    return Cut(part, folds, settings, tuple(place[target] for target in fitted), cost)


def panel_part(
    panel: Panel,
    lines: Int64[np.ndarray, " lines"],
    genes: Int64[np.ndarray, " genes"],
    targets: Int64[np.ndarray, " targets"],
) -> Panel:
    """A panel of some lines, genes and targets (sorted positions); other layers keep their features."""
    place = np.full(len(panel.genes) + 1, -1, dtype=np.int64)  # the last is that of own = -1
    place[genes] = np.arange(len(genes))
    return replace(
        panel,
        cell_lines=tuple(panel.cell_lines[i] for i in lines),
        genes=tuple(panel.genes[i] for i in genes),
        targets=tuple(panel.targets[i] for i in targets),
        expression=np.ascontiguousarray(panel.expression[np.ix_(lines, genes)]),
        effect=np.ascontiguousarray(panel.effect[np.ix_(lines, targets)]),
        own=place[panel.own[targets]],
        lineages=panel.lineages[lines],
        variable=np.flatnonzero(np.isin(targets, panel.variable)),
        layers=tuple(_layer_part(layer, lines) for layer in panel.layers),
        covariates=None if panel.covariates is None else np.ascontiguousarray(panel.covariates[lines]),
    )


def _layer_part(layer: Layer, lines: Int64[np.ndarray, " lines"]) -> Layer:
    return Layer(layer.name, layer.features, np.ascontiguousarray(layer.values[lines]))


def _fold_part(fold: Fold, lines: Int64[np.ndarray, " lines"]) -> Fold:
    def place(rows: Int64[np.ndarray, " rows"]) -> Int64[np.ndarray, " rows"]:
        return np.flatnonzero(np.isin(lines, rows))

    return replace(fold, train=place(fold.train), test=place(fold.test))
