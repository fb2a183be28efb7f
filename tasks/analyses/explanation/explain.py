"""One target's explanation, part by part; a part that cannot be made is empty, and `notes` say why."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from tasks.analyses.explanation.evidence import (
    chosen_table,
    collinear_table,
    correlations_table,
    jaccard_table,
    lines_table,
    stability_table,
)
from tasks.analyses.explanation.fits import fit_scores, fits_table
from tasks.analyses.explanation.inputs import TargetData
from tasks.analyses.explanation.models import Boosted, Weights, boosted, drawn_tree, weights_by_lineage

SHOWN = 6  # modifiers that are drawn one by one
MOST_FEATURES = 20  # that the models on all lines learn from

Part = TypeVar("Part")


@dataclass(frozen=True, eq=False)
class Explanation:
    """What carries one target's predictions. Frames are as the functions say that make them:

    `fits` and `fit_scores` (`fits`); `lines`, `correlations`, `tests`, `stability`, `jaccard`, `collinear`
    and `alike` (`evidence`); `weights`, `tree` and `boosted` (`models`), None where they could not be made.
    `features` are the genes that models on all lines learn from, `folds` how many folds could choose them.
    """

    target: str
    measure: str
    features: tuple[str, ...] = ()
    folds: int = 0
    fits: pd.DataFrame = field(default_factory=pd.DataFrame)
    fit_scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    lines: pd.DataFrame = field(default_factory=pd.DataFrame)
    correlations: pd.DataFrame = field(default_factory=pd.DataFrame)
    tests: pd.DataFrame = field(default_factory=pd.DataFrame)
    stability: pd.DataFrame = field(default_factory=pd.DataFrame)
    jaccard: pd.DataFrame = field(default_factory=pd.DataFrame)
    collinear: pd.DataFrame = field(default_factory=pd.DataFrame)
    alike: pd.DataFrame = field(default_factory=pd.DataFrame)
    weights: Weights | None = None
    tree: pd.DataFrame | None = None
    boosted: Boosted | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Notes:
    """Collects why parts are missing."""

    said: list[str] = field(default_factory=list)

    def of(self, what: str, make: Callable[[], Part]) -> Part | None:
        try:
            return make()
        except ValueError as error:
            self.said.append(f"{what}: left out: {error}")
            return None


def from_modifiers(target: str, measure: str, modifiers: pd.DataFrame, folds: list[int]) -> Explanation:
    """What the table `modifiers` alone tells: needs no expression.

    `modifiers`: one method's rows, of `folds`, those that count.
    """
    if modifiers.empty:
        return Explanation(target, measure, folds=len(folds))
    return Explanation(
        target,
        measure,
        folds=len(folds),
        tests=chosen_table(modifiers, len(folds)),
        stability=stability_table(modifiers, folds),
        jaccard=jaccard_table(modifiers, folds),
    )


def explain(data: TargetData, modifiers: pd.DataFrame, folds: list[int]) -> Explanation:
    """All of it, from the lines too; `modifiers` and `folds` as of `from_modifiers`."""
    base = from_modifiers(data.target, data.measure, modifiers, folds)
    notes = _Notes()
    fits = fits_table(data) if data.folds else pd.DataFrame()
    if not data.features:
        notes.said.append("no modifiers: what is made from modifiers is left out")
        return _with(base, fits=fits, fit_scores=fit_scores(fits) if len(fits) else fits, notes=notes)
    shown = lines_table(data, data.features)
    collinear, alike = collinear_table(data, data.features)
    return _with(
        base,
        features=data.features,
        fits=fits,
        fit_scores=fit_scores(fits) if len(fits) else fits,
        lines=shown,
        correlations=correlations_table(shown),
        collinear=collinear,
        alike=alike,
        weights=notes.of("weights per lineage", lambda: weights_by_lineage(data)),
        tree=notes.of("tree", lambda: drawn_tree(data)),
        boosted=notes.of("XGBoost", lambda: boosted(data)),
        notes=notes,
    )


def _with(base: Explanation, notes: _Notes, **parts: object) -> Explanation:
    return Explanation(**{**vars(base), **parts, "notes": tuple(notes.said)})
