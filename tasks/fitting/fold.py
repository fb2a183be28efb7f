"""What every shard of a run shares, and what every shard of one fold shares."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64

from modeling.borrowing.teaching import vary
from modeling.folds import Fold, quantile_fold
from modeling.seeds import seed_of
from modeling.selection.select import SelectionSettings
from modeling.statistics.baselines import UNKNOWN_LINEAGE
from tasks.dataset.dataset import Dataset
from tasks.dataset.layers import COVARIATES, Layer
from tasks.dataset.target_facts import VARIABLE, target_facts

Search = Literal["none", "once", "nested"]  # of an architecture: not at all, on the first fold, in every fold
Inputs = Literal["expression", "all"]  # what predicts: expression alone, or the dataset's layers too


@dataclass(frozen=True)
class MethodSettings:
    """Method, candidate models (a preset or names), selection, seed, and where networks and products run.

    `device` is torch's name of it ("cpu": association without torch); the last digits may depend on its kind,
    so it is part of what a run is. `folds` is how many folds the run's scheme asks for.
    Of a target's modifiers the best `most_modifiers` are used, all where it is None.
    `stratified`: into how many quantile-stratified folds each target's own lines are split; None: every
    target has the run's folds. `search` says how the architecture of shared networks is searched for.
    `inputs`: "all" where the panel's layers predict beside expression, in methods that read them.
    """

    method: str
    candidates: str | tuple[str, ...]
    selection: SelectionSettings
    seed: int
    device: str = "cpu"
    most_modifiers: int | None = None
    stratified: int | None = None
    folds: int = 5
    search: Search = "none"
    inputs: Inputs = "expression"


@dataclass(frozen=True)
class Panel:
    """A dataset's matrices in memory, as plain arrays that travel through Ray's object store without a copy.

    `expression` is cell lines x genes, log2(TPM+1), dense; `effect` is cell lines x targets, NaN where not
    measured; `own` is each target's column in `expression`, -1 where its own expression is not known;
    `lineages` are numbers, -1 where unknown. `variable` are the targets that shared networks predict: those
    of the dataset that vary (`tasks.dataset.target_facts`) over all its lines, whatever a run asks for.
    `layers` are the other inputs, in a fixed order; none where the run uses expression alone. `covariates`
    are those of the dataset, whatever a run uses: a baseline predicts from them alone. None without any.
    """

    cell_lines: tuple[str, ...]
    genes: tuple[str, ...]
    targets: tuple[str, ...]
    expression: Float32[np.ndarray, "cell_lines genes"]
    effect: Float32[np.ndarray, "cell_lines targets"]
    own: Int64[np.ndarray, " targets"]
    lineages: Int64[np.ndarray, " cell_lines"]
    variable: Int64[np.ndarray, " variable"] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    layers: tuple[Layer, ...] = ()
    covariates: Float32[np.ndarray, "cell_lines covariates"] | None = None

    @property
    def size(self) -> int:
        """Bytes of its matrices."""
        return self.expression.nbytes + self.effect.nbytes + sum(each.values.nbytes for each in self.layers)


@dataclass(frozen=True)
class FoldResult:
    """What fold-level work gave: tables by name, files by extension, and its status word."""

    tables: dict[str, pa.Table]
    files: dict[str, bytes] = field(default_factory=dict)
    status: str = "ok"


def panel_of(dataset: Dataset, facts: pa.Table | None = None, inputs: Inputs = "all") -> Panel:
    """The dataset's matrices, read into memory. `facts`: its `target_facts`, where they are known already.

    Layers stay out where `inputs` is "expression": nobody reads them then, and they can be large.
    """
    return Panel(
        cell_lines=tuple(dataset.cell_lines),
        genes=tuple(dataset.genes),
        targets=tuple(dataset.targets),
        expression=np.ascontiguousarray(dataset.expression),
        effect=np.ascontiguousarray(dataset.effect),
        own=np.asarray(dataset.own, dtype=np.int64),
        lineages=lineage_numbers(dataset.lineages),
        variable=variable_targets(target_facts(dataset) if facts is None else facts),
        layers=tuple(
            Layer(layer.name, layer.features, np.ascontiguousarray(layer.values))
            for layer in (dataset.layers if inputs == "all" else ())
        ),
        covariates=_covariates(dataset),
    )


def _covariates(dataset: Dataset) -> Float32[np.ndarray, "cell_lines covariates"] | None:
    found = [layer.values for layer in dataset.layers if layer.name == COVARIATES]
    return np.ascontiguousarray(found[0]) if found else None


def variable_targets(facts: pa.Table) -> Int64[np.ndarray, " variable"]:
    """Columns of the targets of class `variable`, from the `target_facts` of a dataset."""
    classes = facts.column("class").to_pylist()
    return np.flatnonzero(np.array([name == VARIABLE for name in classes], dtype=bool))


def varying_targets(panel: Panel, fold: Fold) -> Int64[np.ndarray, " targets"]:
    """Columns of the targets whose effect varies over the fold's training lines: those can teach.

    All targets of the dataset are looked at, whatever a run asks for, and no test line.
    """
    return np.flatnonzero(vary(panel.effect[fold.train]))


def lineage_numbers(lineages: Sequence[str]) -> Int64[np.ndarray, " cell_lines"]:
    """Numbers for lineages, in the order they come; -1 for an unknown one (empty)."""
    numbers = {"": UNKNOWN_LINEAGE}
    for lineage in lineages:
        numbers.setdefault(lineage, len(numbers) - 1)
    return np.array([numbers[lineage] for lineage in lineages], dtype=np.int64)


def share_of(panel: Panel, seconds: float) -> float:
    """Each target's share of core-seconds that a fold took as a whole: prepared, or its networks trained.

    They are divided over the dataset's variable targets (all of them where none varies), by every method: the
    same number whatever a run asks for and however it is cut into shards.
    """
    return seconds / max(1, len(panel.variable) or len(panel.targets))


def fold_of(panel: Panel, fold: Fold, target: int, settings: MethodSettings) -> Fold:
    """The lines that train and test for one target (column): the fold's, or the target's own if stratified.

    A target's own folds depend on the run's seed, its name and its effect alone.
    """
    if settings.stratified is None:
        return fold
    effect = panel.effect[:, target].astype(np.float64)
    return quantile_fold(fold, effect, settings.stratified, seed_of(settings.seed, panel.targets[target]))


def target_indices(panel: Panel, names: Sequence[str]) -> list[int]:
    """Columns of the named targets in `panel.effect`, in the order given.

    Raises KeyError naming a target that the dataset does not hold.
    """
    position = {name: i for i, name in enumerate(panel.targets)}
    return [position[name] for name in names]
