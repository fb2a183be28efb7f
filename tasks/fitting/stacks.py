"""Modifier models of preset `careful`: genes of highest |r|, and a stack whose inner folds select anew."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.candidates.base import Candidate
from modeling.candidates.problem import Problem
from modeling.candidates.registry import candidates_of
from modeling.candidates.stacking import InnerFold, NestedProblem, stack
from modeling.seeds import generator, seed_of
from modeling.selection.association import TESTS
from modeling.selection.inner_folds import strongest_without
from modeling.selection.prepared import prepare_genes
from modeling.selection.select import Modifiers as Selected
from modeling.selection.select import SelectionSettings, select
from tasks.fitting.finished import finished
from tasks.fitting.fit import fit_by_pattern
from tasks.fitting.fold import MethodSettings, Panel
from tasks.fitting.modifiers import PreparedFold, TargetFit, features_of

INNER_FOLDS = 5

Lines = Int64[np.ndarray, " _"]
Genes = Int64[np.ndarray, " _"]


def careful_selection(settings: SelectionSettings) -> SelectionSettings:
    """The strongest genes by |r| whatever their q, as many as three tests would give at most."""
    return replace(settings, top=len(TESTS) * settings.top, fdr=None, tests=("pearson",))


def fit_stacks(
    panel: Panel, prepared: PreparedFold, targets: Sequence[int], settings: MethodSettings
) -> list[TargetFit]:
    """Fit every target of a block on the fold's training lines; the order of `targets` is kept.

    The training lines are dealt into `INNER_FOLDS` parts by the run's seed, the same for all targets
    measured on every line. Each inner fold selects genes on the lines that its part leaves. A target's result
    does not depend on which others are in the block.
    """
    fit_group = partial(_fit_group, panel, prepared, settings)
    return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, fit_group)


def _fit_group(
    panel: Panel,
    prepared: PreparedFold,
    settings: MethodSettings,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[TargetFit]:
    """Targets that are measured on the same training lines: one preparation, one selection."""
    begun = time.thread_time()
    fold, rows = prepared.fold, prepared.fold.train[present]
    genes = prepared.prepared
    if not present.all():
        genes = prepare_genes(panel.expression[rows], settings.selection.cut)
    order = generator(settings.seed, "fold", fold.number, "inner folds").permutation(len(fold.train))
    places = np.cumsum(present) - 1
    dealt = places[order[present[order]]]
    parts = [np.sort(part) for part in np.array_split(dealt, min(INNER_FOLDS, len(rows)))]
    selection = careful_selection(settings.selection)
    every = select(genes, effect, selection, settings.device)
    inner = strongest_without(genes.standardised, effect, parts, selection.top)
    candidates = candidates_of(settings.candidates, settings.device)
    share = prepared.seconds + (time.thread_time() - begun) / len(targets)
    fits = []
    for target, y, modifiers, chosen in zip(targets, effect.T, every, inner, strict=True):
        fit = TargetFit(target, rows, float(np.mean(y)), "no_modifiers", modifiers=modifiers, seconds=share)
        fits.append(_stacked(panel, settings, prepared, fit, modifiers, parts, chosen, candidates))
        finished(fits[-1:])
    return fits


def _stacked(
    panel: Panel,
    settings: MethodSettings,
    prepared: PreparedFold,
    fit: TargetFit,
    modifiers: Selected,
    parts: Sequence[Lines],
    chosen: Sequence[Genes],
    candidates: Sequence[Candidate],
) -> TargetFit:
    """One target's stack; the mean where no gene varies."""
    if not len(modifiers):
        return fit
    own, fold, by_gene = int(panel.own[fit.target]), prepared.fold.number, prepared.by_gene
    seed = seed_of(settings.seed, panel.targets[fit.target], fold, "autoselect")
    effect = panel.effect[fit.train, fit.target].astype(np.float64)

    def problem_of(lines: Lines, genes: Genes) -> Problem:
        place = np.flatnonzero(genes == own)
        features = features_of(by_gene, fit.train[lines], genes)
        at = int(place[0]) if place.size else -1
        return Problem(features, effect[lines], seed, seed_of(settings.seed, "fold", fold), at)

    strongest = np.lexsort((modifiers.genes, -np.abs(modifiers.pearson)))
    columns = _with_own(modifiers.genes[strongest], own)
    every = np.arange(len(fit.train))
    folds = []
    for part, genes in zip(parts, chosen, strict=True):
        # Without any (the effect is constant on these lines) the prediction is their mean, whatever the gene.
        there = _with_own(genes if len(genes) else columns[:1], own)
        held = features_of(by_gene, fit.train[part], there)
        folds.append(InnerFold(problem_of(np.delete(every, part), there), part, held))
    (choice,) = stack([NestedProblem(problem_of(every, columns), tuple(folds))], candidates)
    return replace(
        fit,
        status=choice.fitted.status,
        reason=choice.fitted.reason or None,
        choice=choice,
        genes=columns,
        by_gene=by_gene,
        seconds=fit.seconds + choice.seconds,
    )


def _with_own(genes: Genes, own: int) -> Genes:
    """The target's own expression among them, last if it was not selected."""
    return genes if own < 0 or own in genes else np.append(genes, own)
