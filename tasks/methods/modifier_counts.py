"""Methods `one_modifier` and `all_modifiers`: XGBoost on a target's best modifier, or on all of them.

The paper's question whether many modifiers forecast better than one (Rosenski, Shifman and Kaplan 2023).
"""

from collections.abc import Sequence
from dataclasses import replace

from tasks.fitting.fold import Panel, PreparedFold
from tasks.fitting.settings import ShardSettings
from tasks.methods.modifiers import TargetFit, fit_targets

MODEL = ("xgboost",)


def fit_one_modifier(
    panel: Panel, prepared: PreparedFold, targets: Sequence[int], settings: ShardSettings
) -> list[TargetFit]:
    """XGBoost on the modifier of the first rank, whatever candidates the run names."""
    return fit_targets(panel, prepared, targets, replace(settings, candidates=MODEL, most_modifiers=1))


def fit_all_modifiers(
    panel: Panel, prepared: PreparedFold, targets: Sequence[int], settings: ShardSettings
) -> list[TargetFit]:
    """XGBoost on all modifiers, whatever candidates the run names."""
    return fit_targets(panel, prepared, targets, replace(settings, candidates=MODEL))
