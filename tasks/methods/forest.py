"""Method `forest` for a block of targets in one fold: a random forest on all genes, as production systems do.

The settings are those of the DepMap portal's cds-ensemble and its successor daintree: the 1000 genes best by
f_regression, then a random forest of 100 trees, depth 8, at least 5 lines a leaf. The forest is our own
(`modeling.candidates.trees.forest`). Theirs sees lineage, confounders and other omics too, and has no seed;
here the features are expression alone. Constant genes, which they drop, are kept where there is room: no tree
can split by one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.candidates.choice import Trial
from modeling.candidates.fitted import Fitted
from modeling.candidates.registry import Problem
from modeling.candidates.trees.forest import Forest
from modeling.folds import Fold
from modeling.seeds import seed_of
from modeling.selection.ranking import standardised_genes, top_genes
from modeling.selection.tiles import TILE_TARGETS
from tasks.fitting.finished import finished, says_what_is_finished
from tasks.fitting.fit import fit_by_pattern
from tasks.fitting.fold import MethodSettings, Panel, fold_of
from tasks.fitting.modifiers import TargetFit
from tasks.methods.cost import ROW_SECONDS, WORKER_BYTES, Cost, DataSize
from tasks.methods.method import CommittedWork, Method

NAME = "forest"
GENES = 1000  # kept for each target, at most
FOREST = Forest(out_of_bag=True)
# Measured with one numerical thread, core-seconds a target with its tables: 1.1 on 535 genes and 786 training
# lines (0.94 on real levels), 2.0 on 1000 genes and 720 lines, 5.6 on 1440; 2.1 to 2.3 on 18 000 genes and
# 720 lines, 6.2 on 1440. There choosing among the genes took 0.02, and standardising them 0.1 to 0.25 a fold
# (with stratified folds, a target).
TARGET_SECONDS = 2.1  # one target on all the genes it keeps
LINES_POWER = 1.4
CHOOSING_SECONDS = 0.02  # a product over all genes
PREPARATION_SECONDS = 0.25


@dataclass(frozen=True)
class PreparedForest:
    """One fold as `forest` needs it.

    `genes` are standardised over the training lines for choosing among them; None where there is nothing to
    choose, or every target has training lines of its own. `seconds` are each target's share of that
    (`tasks.fitting.fold.share_of`).
    """

    fold: Fold
    genes: Float64[np.ndarray, "genes cell_lines"] | None
    seconds: float = 0.0


@dataclass(frozen=True)
class ForestFit:
    """One target's fit; attributes as of `tasks.fitting.fit.Fit`. `genes` are the columns kept, ascending."""

    target: int
    train: Int64[np.ndarray, " lines"]
    train_mean: float
    seconds: float
    trials: tuple[Trial, ...]
    genes: Int64[np.ndarray, " kept"]
    fitted: Fitted
    modifiers: None = None

    @property
    def status(self) -> str:
        """`ok` or `failed`."""
        return self.fitted.status

    @property
    def reason(self) -> str | None:
        """Why the fit failed."""
        return self.fitted.reason or None

    @property
    def model(self) -> str | None:
        """The method's name; None where the fit failed."""
        return self.fitted.candidate if self.fitted.model is not None else None

    def predict(
        self, panel: Panel, rows: Int64[np.ndarray, " lines"]
    ) -> Float64[np.ndarray, " lines"] | None:
        """For any cell lines; None where the fit failed."""
        return self.fitted.predict(_features(panel, rows, self.genes)) if self.model is not None else None


def prepare_forest(panel: Panel, fold: Fold, settings: MethodSettings) -> PreparedForest:
    """Prepare a fold from its training lines alone."""
    shared = settings.stratified is None and len(panel.genes) > GENES
    return PreparedForest(fold, standardised_genes(panel.expression[fold.train]) if shared else None)


def fit_forest_targets(
    panel: Panel, prepared: PreparedForest, targets: Sequence[int], settings: MethodSettings
) -> list[ForestFit | TargetFit]:
    """Fit every target of a block on its training lines; the order of `targets` is kept.

    A target's result does not depend on which others are in the block.
    """
    if settings.stratified is None:
        return _fit_block(panel, prepared, targets, settings)
    own = [replace(prepared, fold=fold_of(panel, prepared.fold, target, settings)) for target in targets]
    return [_fit_block(panel, part, [t], settings)[0] for part, t in zip(own, targets, strict=True)]


def _fit_block(
    panel: Panel, prepared: PreparedForest, targets: Sequence[int], settings: MethodSettings
) -> list[ForestFit | TargetFit]:
    fit_group = partial(_fit_group, panel, prepared, settings)
    return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, fit_group)


def _fit_group(
    panel: Panel,
    prepared: PreparedForest,
    settings: MethodSettings,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[ForestFit]:
    """Targets that are measured on the same training lines: their genes are chosen together."""
    begun = time.thread_time()
    rows = prepared.fold.train[present]
    kept = _kept(panel, prepared, rows, effect)
    share = prepared.seconds + (time.thread_time() - begun) / len(targets)
    seeds = [seed_of(settings.seed, panel.targets[t], prepared.fold.number, NAME) for t in targets]
    fits = []
    for one in zip(targets, kept, effect.T, seeds, strict=True):
        fits.append(_fit_one(panel, rows, *one, share))
        finished(fits[-1:])
    return fits


def _kept(
    panel: Panel,
    prepared: PreparedForest,
    rows: Int64[np.ndarray, " lines"],
    effect: Float64[np.ndarray, "lines targets"],
) -> Int64[np.ndarray, "targets kept"]:
    """The columns each target's forest is grown on."""
    if len(panel.genes) <= GENES:
        return np.tile(np.arange(len(panel.genes)), (effect.shape[1], 1))
    genes = prepared.genes
    if genes is None or len(rows) < len(prepared.fold.train):
        genes = standardised_genes(panel.expression[rows])
    return top_genes(genes, effect, GENES)


def _fit_one(
    panel: Panel,
    rows: Int64[np.ndarray, " lines"],
    target: int,
    genes: Int64[np.ndarray, " kept"],
    effect: Float64[np.ndarray, " lines"],
    seed: int,
    share: float,
) -> ForestFit:
    """One target's forest; `share` is its part of choosing genes and of preparing the fold."""
    begun = time.thread_time()
    (fitted,) = FOREST.fit([Problem(_features(panel, rows, genes), effect, seed)])
    seconds = share + time.thread_time() - begun
    with np.errstate(invalid="ignore"):  # an infinite effect is reported as a failed fit
        mean = float(np.mean(effect))
    trial = _trial(fitted, len(genes), seconds)
    return ForestFit(target, rows, mean, seconds, (trial,), genes, fitted)


def _trial(fitted: Fitted, genes: int, seconds: float) -> Trial:
    """The row of `candidates`; its validation RMSE is the out-of-bag one."""
    parameters = {"genes": genes, **fitted.parameters}
    error = float(f"{parameters.pop('out_of_bag_rmse', float('nan')):.12g}")
    chosen = fitted.model is not None
    return Trial(fitted.candidate, parameters, error, chosen, seconds, fitted.status, fitted.reason)


def _features(
    panel: Panel, rows: Int64[np.ndarray, " lines"], genes: Int64[np.ndarray, " kept"]
) -> Float64[np.ndarray, "lines kept"]:
    return panel.expression[np.ix_(rows, genes)].astype(np.float64)


class ForestMethod(Method):
    """A random forest on the genes of highest |r|, as production systems use one."""

    name = NAME
    help = "random forest on the 1000 genes of highest |r|, as the DepMap portal's predictions are made"
    can_stratify = True
    predicts_from = "all genes"

    def prepare(
        self, panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork]
    ) -> PreparedForest:
        """Standardised genes to choose among."""
        return prepare_forest(panel, fold, settings)

    @says_what_is_finished
    def fit(
        self, panel: Panel, prepared: PreparedForest, targets: Sequence[int], settings: MethodSettings
    ) -> list[ForestFit | TargetFit]:
        """A forest for each target."""
        return fit_forest_targets(panel, prepared, targets, settings)

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """Growing trees, and a product over all genes where there are more of them than a forest keeps.

        Only then does a fold hold standardised values.

        A worker holds the features of one fit, as they come and sorted, and the genes and tiles of a pattern
        of missing lines (with stratified folds, of every target).
        """
        chooses = size.genes > GENES
        preparation = PREPARATION_SECONDS * size.wide * size.long if chooses else 0.0
        choosing = CHOOSING_SECONDS * size.wide * size.long if chooses else 0.0
        if settings.stratified is not None:
            choosing, preparation = choosing + preparation, 0.0
        growing = TARGET_SECONDS * min(size.genes / GENES, 1.0) * size.long**LINES_POWER
        fold_bytes = 8 * size.genes * size.cell_lines if chooses else 0
        features = 40 * min(size.genes, GENES) * size.cell_lines
        tile = 8 * TILE_TARGETS * size.genes
        return Cost(
            target=ROW_SECONDS + choosing + growing,
            preparation=preparation,
            fold_bytes=fold_bytes,
            worker_bytes=WORKER_BYTES + features + (fold_bytes + tile if fold_bytes else 0),
        )


METHODS: tuple[Method, ...] = (ForestMethod(),)
