"""What every shard of a run shares, and what every shard of one fold shares."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float32, Int64

from modeling.baselines import UNKNOWN_LINEAGE
from modeling.folds import Fold, quantile_fold
from modeling.seeds import seed_of
from modeling.selection.prepared import PreparedGenes, prepare_genes
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import VARIABLE, target_facts
from tasks.fitting.settings import ShardSettings


@dataclass(frozen=True)
class Panel:
    """A dataset's matrices in memory, as plain arrays that travel through Ray's object store without a copy.

    `expression` is cell lines x genes, log2(TPM+1), dense; `effect` is cell lines x targets, NaN where not
    measured; `own` is each target's column in `expression`, -1 where its own expression is not known;
    `lineages` are numbers, -1 where unknown. `variable` are the targets that shared networks forecast: those
    of the dataset that vary (`tasks.dataset.target_facts`) over all its lines, whatever a run asks for.
    """

    cell_lines: tuple[str, ...]
    genes: tuple[str, ...]
    targets: tuple[str, ...]
    expression: Float32[np.ndarray, "cell_lines genes"]
    effect: Float32[np.ndarray, "cell_lines targets"]
    own: Int64[np.ndarray, " targets"]
    lineages: Int64[np.ndarray, " cell_lines"]
    variable: Int64[np.ndarray, " variable"] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class PreparedFold:
    """One fold and the expression of its training lines, standardised, ranked and bit-packed once.

    `seconds` are each target's share of that (`share_of`).
    """

    fold: Fold
    prepared: PreparedGenes
    seconds: float = 0.0


def panel_of(dataset: Dataset) -> Panel:
    """The dataset's matrices, read into memory."""
    return Panel(
        cell_lines=tuple(dataset.cell_lines),
        genes=tuple(dataset.genes),
        targets=tuple(dataset.targets),
        expression=np.ascontiguousarray(dataset.expression),
        effect=np.ascontiguousarray(dataset.effect),
        own=np.asarray(dataset.own, dtype=np.int64),
        lineages=lineage_numbers(dataset.lineages),
        variable=variable_targets(dataset),
    )


def variable_targets(dataset: Dataset) -> Int64[np.ndarray, " variable"]:
    """Columns of the targets of class `variable`."""
    classes = target_facts(dataset).column("class").to_pylist()
    return np.flatnonzero(np.array([name == VARIABLE for name in classes], dtype=bool))


def lineage_numbers(lineages: Sequence[str]) -> Int64[np.ndarray, " cell_lines"]:
    """Numbers for lineages, in the order they come; -1 for an unknown one (empty)."""
    numbers = {"": UNKNOWN_LINEAGE}
    for lineage in lineages:
        numbers.setdefault(lineage, len(numbers) - 1)
    return np.array([numbers[lineage] for lineage in lineages], dtype=np.int64)


def prepare_fold(panel: Panel, fold: Fold, settings: ShardSettings) -> PreparedFold:
    """Prepare a fold for method `modifiers` from its training lines alone."""
    expression = panel.expression[fold.train]
    prepared = prepare_genes(expression, settings.selection.cut)
    if settings.device != "cpu":  # every shard gets a copy of its own, and must know that it is the same
        digest = hashlib.sha256(repr((expression.shape, settings.selection.cut)).encode())
        digest.update(expression)
        prepared = replace(prepared, digest=digest.hexdigest())
    return PreparedFold(fold, prepared)


def share_of(panel: Panel, seconds: float) -> float:
    """Each target's share of core-seconds that a fold took as a whole: prepared, or its networks trained.

    They are divided over the dataset's variable targets (all of them where none varies), by every method: the
    same number whatever a run asks for and however it is cut into shards.
    """
    return seconds / max(1, len(panel.variable) or len(panel.targets))


def fold_of(panel: Panel, fold: Fold, target: int, settings: ShardSettings) -> Fold:
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
