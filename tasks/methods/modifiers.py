"""Methods on a target's modifiers: `modifiers`, and the question whether many predict better than one.

Source: Rosenski, Shifman and Kaplan, BMC Medical Genomics 2023.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors.numpy import save

from modeling.candidates.registry import STACKED, candidates_of
from modeling.folds import Fold
from modeling.selection.association import TARGETS_AT_ONCE, TESTS
from modeling.selection.select import SelectionSettings
from modeling.selection.tiles import TILE_TARGETS
from tasks.dataset.dataset import Dataset
from tasks.fitting.finished import says_what_is_finished
from tasks.fitting.fold import MethodSettings, Panel
from tasks.fitting.modifiers import PreparedFold, TargetFit, fit_targets, prepare_fold
from tasks.fitting.stacks import INNER_FOLDS, fit_stacks
from tasks.methods.cost import ROW_SECONDS, WORKER_BYTES, Cost, DataSize
from tasks.methods.method import CommittedWork, Method
from tasks.scoring.linear import predict_restored
from tasks.scoring.model_rows import ModelFiles, Predictions, Row, Rows, as_json

SELECTION = frozenset({"top", "fdr", "redundancy", "like_the_code"})
BOOSTING = ("xgboost",)
ONE_MODIFIER_SHARE = 0.4  # of what boosting takes on some 20

SELECTION_SECONDS, SELECTION_ALL_GENES = 0.00035, 0.001  # one target: by itself, and what genes add
INNER_SECONDS, INNER_ALL_GENES = 0.001, 0.004  # the same of inner folds
STACK_WIDTH = 3.0  # some 60 features
PREPARATION_SECONDS = 0.6
GENE_BYTES = (
    8 + 4 + 4 + 1 / 8 + 4
)  # a gene and line as prepared: standardised, the same rounded, ranked, as a bit, as it was


class Modifiers(Method):
    """Selects modifiers by three tests, tries every candidate model, and fits the best."""

    name = "modifiers"
    help = "a few modifier genes, then the best of several models"
    reads = SELECTION | {"preset"}
    uses_gpu = True
    stores_models = True

    def prepare(
        self, panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork]
    ) -> PreparedFold:
        """Expression of the training lines, standardised, ranked and bit-packed."""
        return prepare_fold(panel, fold, settings)

    @says_what_is_finished
    def fit(
        self, panel: Panel, prepared: PreparedFold, targets: Sequence[int], settings: MethodSettings
    ) -> list[TargetFit]:
        """Select modifiers, choose or stack, and fit a model for each target."""
        fit = fit_stacks if settings.candidates in STACKED else fit_targets
        return fit(panel, prepared, targets, settings)

    def check(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """A stack selects by a rule of its own, which these options would not change."""
        del dataset
        plain = SelectionSettings(top=settings.selection.top)
        if settings.candidates not in STACKED or settings.selection == plain:
            return []
        return [
            f"--preset {settings.candidates}: it takes the genes of highest |r| whatever their q; leave out "
            "--fdr, --redundancy and --like-the-code, or use another --preset"
        ]

    def final_model(self, panel: Panel, prepared: PreparedFold, fit: TargetFit) -> Row:
        """The candidate chosen, or the stack: coefficients on log2(TPM+1) for linear kinds, else weights."""
        if fit.choice is None:
            raise ValueError("a target without modifiers has its mean as model")
        fitted = fit.choice.fitted
        row: Row = {
            "modifiers": [panel.genes[g] for g in fit.features],
            "parameters": as_json(fitted.parameters),
        }
        linear = fitted.coefficients()
        if linear is not None:
            return row | {"intercept": linear[0], "coefficients": linear[1].tolist()}
        return row | {"weights": save(fitted.arrays())}

    def predict(
        self, rows: Rows, place: Mapping[str, int], expression: np.ndarray, files: ModelFiles
    ) -> Predictions:
        """Each target from its own modifiers."""
        return Predictions(predict_restored(rows, place, expression))

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """Selection, a trial of each candidate, and a fit of the winner, whichever it is."""
        return _cost(size, settings.candidates)


class AllModifiers(Modifiers):
    """XGBoost on all modifiers, whatever candidates the run names."""

    name = "all_modifiers"
    help = "one XGBoost on all modifiers of a target"
    reads = SELECTION
    stores_models = False

    def check(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """Nothing: it does not read the preset."""
        return Method.check(self, dataset, settings)

    @says_what_is_finished
    def fit(
        self, panel: Panel, prepared: PreparedFold, targets: Sequence[int], settings: MethodSettings
    ) -> list[TargetFit]:
        """XGBoost on all modifiers."""
        return fit_targets(panel, prepared, targets, replace(settings, candidates=BOOSTING))

    def final_model(self, panel: Panel, prepared: Any, fit: Any) -> Row:
        """None are stored."""
        return Method.final_model(self, panel, prepared, fit)

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """As of `modifiers`, with one candidate."""
        return _cost(size, BOOSTING)


class OneModifier(AllModifiers):
    """XGBoost on the modifier of the first rank, whatever candidates the run names."""

    name = "one_modifier"
    help = "the same XGBoost on the best modifier alone"

    @says_what_is_finished
    def fit(
        self, panel: Panel, prepared: PreparedFold, targets: Sequence[int], settings: MethodSettings
    ) -> list[TargetFit]:
        """XGBoost on the best modifier."""
        return fit_targets(panel, prepared, targets, replace(settings, candidates=BOOSTING, most_modifiers=1))

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """As of `all_modifiers`, the fits cheaper."""
        return _cost(size, BOOSTING, ONE_MODIFIER_SHARE)


def _cost(size: DataSize, candidates: str | Sequence[str], share: float = 1.0) -> Cost:
    stacked = candidates in STACKED
    selection = SELECTION_SECONDS + SELECTION_ALL_GENES * size.wide * size.long
    fold_bytes = int(GENE_BYTES * size.genes * size.cell_lines)
    tile, inner_tile = 4 * TARGETS_AT_ONCE * size.genes, 8 * TILE_TARGETS * size.genes
    # A tile of targets x genes for each test, and the genes prepared again where lines are missing.
    worker_bytes = WORKER_BYTES + len(TESTS) * tile + fold_bytes
    if stacked:  # beside those, the genes cut by inner folds, and a tile for each
        selection += INNER_SECONDS + INNER_ALL_GENES * size.wide * size.long
        worker_bytes += 8 * size.genes * size.cell_lines + (INNER_FOLDS + 2) * inner_tile
    lines = size.share * size.cell_lines
    choice = _stack_seconds(candidates, lines) if stacked else _choice_seconds(candidates, lines)
    return Cost(
        target=ROW_SECONDS + selection + share * choice,
        preparation=PREPARATION_SECONDS * size.wide * size.long,
        fold_bytes=fold_bytes,
        worker_bytes=worker_bytes,
    )


def _choice_seconds(candidates: str | Sequence[str], n_lines: float) -> float:
    """A trial of each, and a fit of the winner, whichever it is."""
    tried = candidates_of(candidates)
    return sum(each.fit_seconds(n_lines) for each in tried) * (1 + 1 / len(tried))


def _stack_seconds(candidates: str | Sequence[str], n_lines: float) -> float:
    """A fit of each in every inner fold, and one on all lines, to `STACK_WIDTH` times as many features."""
    once = sum(each.fit_seconds(n_lines) for each in candidates_of(candidates))
    return STACK_WIDTH * once * (INNER_FOLDS + 1)


METHODS: tuple[Method, ...] = (Modifiers(), OneModifier(), AllModifiers())
