"""Method `modifiers` for a block of targets in one fold: select modifiers, then choose and fit a model."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.arrays import FEWEST_LINES as FEWEST_TRAINING_LINES
from modeling.arrays import group_by_missing, prepare_genes
from modeling.autoselect import Choice, choose
from modeling.candidates import Problem, candidates_of
from modeling.seeds import seed_of
from modeling.selection import Modifiers, SelectionSettings, select
from tasks.fold import Panel, PreparedFold

FEWEST_LINES = 30


@dataclass(frozen=True)
class ShardSettings:
    """What a shard needs to know of the run: method, candidate models (preset or names), selection, seed."""

    method: str
    candidates: str | tuple[str, ...]
    selection: SelectionSettings
    seed: int


@dataclass(frozen=True)
class TargetFit:
    """What one target's training lines gave: its modifiers, the chosen model, and how it went.

    `train` holds the rows of the panel used (training lines with a measured effect); `choice` is None where
    nothing was fitted, and the forecast is then `train_mean` (unless the status is `too_few_lines`).
    """

    target: int
    train: Int64[np.ndarray, " lines"]
    train_mean: float
    status: str
    reason: str | None = None
    modifiers: Modifiers | None = None
    choice: Choice | None = None
    seconds: float = 0.0

    @property
    def predicts(self) -> bool:
        """Whether there is a forecast at all, if only the training mean."""
        return self.status not in ("too_few_lines", "failed")


def fit_targets(
    panel: Panel,
    prepared: PreparedFold,
    targets: Sequence[int],
    settings: ShardSettings,
) -> list[TargetFit]:
    """Fit every target of a block on the fold's training lines; the order of `targets` is kept.

    A target's result does not depend on which others are in the block.
    """
    train = prepared.fold.train
    effect = panel.effect[:, np.asarray(targets, dtype=np.int64)].astype(np.float64)
    done = {t: fit for t, y in zip(targets, effect.T, strict=True) if (fit := _without_model(t, y, train))}
    open_ = np.array([i for i, t in enumerate(targets) if t not in done], dtype=np.int64)
    for present, members in group_by_missing(effect[np.ix_(train, open_)]):
        block = open_[members]
        fits = _fit_group(
            panel,
            prepared,
            [targets[i] for i in block],
            effect[np.ix_(train[present], block)],
            present,
            settings,
        )
        done.update((fit.target, fit) for fit in fits)
    return [done[t] for t in targets]


def _without_model(
    target: int, effect: Float64[np.ndarray, " cell_lines"], train: Int64[np.ndarray, " train"]
) -> TargetFit | None:
    """The result of a target that cannot have a model; None if it can."""
    rows = train[~np.isnan(effect[train])]
    known = int(np.count_nonzero(~np.isnan(effect)))
    if known < FEWEST_LINES:
        reason = f"{known} cell lines with a measured effect; at least {FEWEST_LINES} are needed"
        return TargetFit(target, rows, float("nan"), "too_few_lines", reason)
    if len(rows) < FEWEST_TRAINING_LINES:
        reason = (
            f"{len(rows)} training lines with a measured effect; at least {FEWEST_TRAINING_LINES} are needed"
        )
        return TargetFit(target, rows, float("nan"), "too_few_lines", reason)
    if np.ptp(effect[rows]) == 0:
        reason = f"the effect is {effect[rows[0]]:g} on all {len(rows)} training lines"
        return TargetFit(target, rows, float(effect[rows[0]]), "constant_target", reason)
    return None


def _fit_group(
    panel: Panel,
    prepared: PreparedFold,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
    settings: ShardSettings,
) -> list[TargetFit]:
    """Targets that are measured on the same training lines: one preparation, one association."""
    begun = time.thread_time()
    rows = prepared.fold.train[present]
    genes = prepared.prepared if present.all() else prepare_genes(panel.expression[rows])
    found = select(genes, effect, settings.selection)
    share = (time.thread_time() - begun) / len(targets)
    fits = [
        TargetFit(t, rows, float(np.mean(y)), "no_modifiers", modifiers=m, seconds=share)
        for t, y, m in zip(targets, effect.T, found, strict=True)
    ]
    fold_seed = seed_of(settings.seed, "fold", prepared.fold.number)
    with_modifiers = [i for i, modifiers in enumerate(found) if len(modifiers)]
    problems = [
        Problem(
            features_of(panel, rows, found[i]),
            effect[:, i],
            seed_of(settings.seed, panel.targets[targets[i]], prepared.fold.number, "autoselect"),
            fold_seed,
        )
        for i in with_modifiers
    ]
    choices = choose(problems, candidates_of(settings.candidates))
    for i, choice in zip(with_modifiers, choices, strict=True):
        fits[i] = _with_choice(fits[i], choice)
    return fits


def features_of(
    panel: Panel, rows: Int64[np.ndarray, " lines"], modifiers: Modifiers
) -> Float64[np.ndarray, "lines features"]:
    """The modifiers' expression on the given cell lines."""
    return panel.expression[np.ix_(rows, modifiers.genes)].astype(np.float64)


def _with_choice(fit: TargetFit, choice: Choice) -> TargetFit:
    return replace(
        fit,
        status=choice.fitted.status,
        reason=choice.fitted.reason or None,
        choice=choice,
        seconds=fit.seconds + choice.seconds,
    )
