"""Modifier models of a block of targets in one fold: select modifiers, then choose and fit a model."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from modeling.candidates.choice import Choice, Trial, choose
from modeling.candidates.registry import Problem, candidates_of
from modeling.folds import Fold
from modeling.seeds import seed_of
from modeling.selection.prepared import PreparedGenes, prepare_genes
from modeling.selection.select import Modifiers, select
from tasks.fitting.finished import finished
from tasks.fitting.fit import fit_by_pattern
from tasks.fitting.fold import MethodSettings, Panel

MEAN = "mean"  # the model of a target without modifiers: its training mean
BLOCK = (
    32  # targets whose candidates are tried together, on a CPU; what candidates do once for many is little
)

ByGene = Float32[np.ndarray, "genes cell_lines"]


@dataclass(frozen=True)
class PreparedFold:
    """One fold and the expression of its training lines, standardised, ranked and bit-packed once.

    `by_gene` is the panel's expression, all lines of a gene together: a model reads few genes, which lie a
    page apart where all genes of a line are together. `seconds` are each target's share of that (`share_of`).
    """

    fold: Fold
    prepared: PreparedGenes
    by_gene: ByGene
    seconds: float = 0.0


@dataclass(frozen=True)
class TargetFit:
    """What one target's training lines gave: its modifiers, the chosen model, and how it went.

    `train` holds the rows of the panel used (training lines with a measured effect); `choice` is None where
    nothing was fitted, and the prediction is then `train_mean` (unless the status is `too_few_lines`).
    `genes` are the columns of the model's features where those are not the modifiers in their order, and
    `by_gene` is where it reads them.
    """

    target: int
    train: Int64[np.ndarray, " lines"]
    train_mean: float
    status: str
    reason: str | None = None
    modifiers: Modifiers | None = None
    choice: Choice | None = None
    seconds: float = 0.0
    genes: Int64[np.ndarray, " features"] | None = None
    by_gene: ByGene | None = None

    @property
    def features(self) -> Int64[np.ndarray, " features"]:
        """Columns of expression that the model reads, in its order; empty where nothing was fitted."""
        if self.genes is not None:
            return self.genes
        return np.empty(0, dtype=np.int64) if self.modifiers is None else self.modifiers.genes

    @property
    def predicts(self) -> bool:
        """Whether there is a prediction at all, if only the training mean."""
        return self.status not in ("too_few_lines", "failed")

    @property
    def model(self) -> str | None:
        """Name of the chosen candidate, `mean` where the training mean is predicted, None without one."""
        if self.choice is not None:
            return self.choice.fitted.candidate if self.predicts else None
        return MEAN if self.predicts else None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every candidate that was tried."""
        return self.choice.trials if self.choice is not None else ()

    def predict(
        self, panel: Panel, rows: Int64[np.ndarray, " lines"]
    ) -> Float64[np.ndarray, " lines"] | None:
        """The prediction for cell lines of the panel: the training mean where nothing was fitted."""
        if not self.predicts:
            return None
        del panel
        if self.choice is None or self.by_gene is None:
            return np.full(len(rows), self.train_mean)
        return self.choice.fitted.predict(features_of(self.by_gene, rows, self.features))


def prepare_fold(panel: Panel, fold: Fold, settings: MethodSettings) -> PreparedFold:
    """Prepare a fold for selecting modifiers, from its training lines alone."""
    expression = panel.expression[fold.train]
    prepared = prepare_genes(expression, settings.selection.cut)
    if settings.device != "cpu":  # every shard gets a copy of its own, and must know that it is the same
        digest = hashlib.sha256(repr((expression.shape, settings.selection.cut)).encode())
        digest.update(expression)
        prepared = replace(prepared, digest=digest.hexdigest())
    return PreparedFold(fold, prepared, np.ascontiguousarray(panel.expression.T))


def fit_targets(
    panel: Panel,
    prepared: PreparedFold,
    targets: Sequence[int],
    settings: MethodSettings,
) -> list[TargetFit]:
    """Fit every target of a block on the fold's training lines; the order of `targets` is kept.

    A target's result does not depend on which others are in the block.
    """
    select_group = partial(_select_group, panel, prepared, settings)
    selected = fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, select_group)
    open_ = [fit for fit in selected if fit.modifiers]
    at_once = BLOCK if settings.device == "cpu" else max(1, len(open_))  # a GPU wants many
    chosen: dict[int, TargetFit] = {}
    for start in range(0, len(open_), at_once):
        fits = list(_chosen(panel, prepared, open_[start : start + at_once], settings))
        finished(fits)
        chosen.update((fit.target, fit) for fit in fits)
    return [chosen.get(fit.target, fit) for fit in selected]


def _chosen(
    panel: Panel, prepared: PreparedFold, selected: Sequence[TargetFit], settings: MethodSettings
) -> Iterator[TargetFit]:
    problems = [_problem(panel, prepared, settings.seed, fit) for fit in selected]
    choices = choose(problems, candidates_of(settings.candidates, settings.device))
    return map(partial(_with_choice, by_gene=prepared.by_gene), selected, choices)


def _select_group(
    panel: Panel,
    prepared: PreparedFold,
    settings: MethodSettings,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[TargetFit]:
    """Targets that are measured on the same training lines: one preparation, one association."""
    begun = time.thread_time()
    rows = prepared.fold.train[present]
    genes = prepared.prepared
    if not present.all():
        genes = prepare_genes(panel.expression[rows], settings.selection.cut)
    every = select(genes, effect, settings.selection, settings.device)
    found = [modifiers.best(settings.most_modifiers) for modifiers in every]
    share = prepared.seconds + (time.thread_time() - begun) / len(targets)
    return [
        TargetFit(t, rows, float(np.mean(y)), "no_modifiers", modifiers=m, seconds=share)
        for t, y, m in zip(targets, effect.T, found, strict=True)
    ]


def _problem(panel: Panel, prepared: PreparedFold, seed: int, fit: TargetFit) -> Problem:
    fold = prepared.fold.number
    own = np.flatnonzero(fit.features == panel.own[fit.target])
    return Problem(
        features_of(prepared.by_gene, fit.train, fit.features),
        panel.effect[fit.train, fit.target].astype(np.float64),
        seed_of(seed, panel.targets[fit.target], fold, "autoselect"),
        seed_of(seed, "fold", fold),
        int(own[0]) if own.size else -1,
    )


def features_of(
    by_gene: ByGene, rows: Int64[np.ndarray, " lines"], genes: Int64[np.ndarray, " features"]
) -> Float64[np.ndarray, "lines features"]:
    """The genes' expression on the given cell lines."""
    return np.ascontiguousarray(by_gene[genes][:, rows].T, dtype=np.float64)


def _with_choice(fit: TargetFit, choice: Choice, by_gene: ByGene) -> TargetFit:
    return replace(
        fit,
        status=choice.fitted.status,
        reason=choice.fitted.reason or None,
        choice=choice,
        by_gene=by_gene,
        seconds=fit.seconds + choice.seconds,
    )
