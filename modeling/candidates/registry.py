"""The model families automatic selection chooses among, and how a stored model comes back.

A candidate fits `Problem`s and returns `Fitted`s; see `base.Candidate`. A new family is one file here and one
entry in `BUILT`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from modeling.candidates.base import Candidate
from modeling.candidates.boosting import BoosterModel, Boosting
from modeling.candidates.fitted import Fitted, LinearModel, Model
from modeling.candidates.gp.gp import GaussianProcess, GPModel
from modeling.candidates.knn import Neighbours, NeighboursModel
from modeling.candidates.linear.lasso import Lasso
from modeling.candidates.linear.ols import OLS
from modeling.candidates.linear.ridge import Ridge
from modeling.candidates.mean import Mean, MeanModel
from modeling.candidates.mlp.deep import Deep, DeepModel
from modeling.candidates.problem import Problem
from modeling.candidates.trees.forest import Forest, ForestModel
from modeling.candidates.trees.tree import Tree, TreeModel

__all__ = ["BUILT", "PRESETS", "Candidate", "Fitted", "Problem", "candidates_of", "restore"]

BUILT: dict[str, Candidate] = {
    candidate.name: candidate
    for candidate in (
        OLS(),
        Ridge(),
        Lasso(),
        Tree(),
        Boosting(),
        Neighbours(),
        GaussianProcess(),
        GaussianProcess("gp_noiseless", noisy=False),
        Forest(),
        Deep(),
        Mean("xgboost+deep", (Boosting(), Deep())),
    )
}

# In order of preference at a tie.
PRESETS: dict[str, tuple[str, ...]] = {
    "quick": ("ols", "ridge", "lasso", "tree"),
    "published": ("ols", "lasso", "xgboost", "deep", "gp", "knn", "tree"),
}
PLANNED_PRESETS = ("best",)

_RESTORE: dict[str, Callable[[Mapping[str, np.ndarray]], Model]] = {
    "ols": LinearModel.from_arrays,
    "ridge": LinearModel.from_arrays,
    "lasso": LinearModel.from_arrays,
    "tree": TreeModel.from_arrays,
    "xgboost": BoosterModel.from_arrays,
    "knn": NeighboursModel.from_arrays,
    "gp": GPModel.from_arrays,
    "gp_noiseless": GPModel.from_arrays,
    "forest": ForestModel.from_arrays,
    "deep": DeepModel.from_arrays,
    "xgboost+deep": lambda arrays: MeanModel.from_arrays(
        arrays, {"xgboost": BoosterModel.from_arrays, "deep": DeepModel.from_arrays}
    ),
}


def candidates_of(preset: str | Sequence[str], device: str = "cpu") -> tuple[Candidate, ...]:
    """The candidates of a preset, or those named one by one, in order of preference.

    Networks train on `device`, as torch names it; the other candidates know only the CPU.

    Raises ValueError for a preset that is unknown, names no candidate, or needs one that is not built.
    """
    if isinstance(preset, str):
        if preset in PLANNED_PRESETS:
            raise ValueError(f"preset {preset!r} is not built yet; use 'quick' or 'published'")
        if preset not in PRESETS:
            raise ValueError(
                f"unknown preset {preset!r}; known are {', '.join(PRESETS)}, and candidates by name, "
                f"alone or with commas between them: {', '.join(BUILT)}"
            )
        names: Sequence[str] = PRESETS[preset]
    else:
        names = tuple(preset)
    missing = [name for name in names if name not in BUILT]
    if missing or not names or len(set(names)) != len(names):
        raise ValueError(
            f"candidates {', '.join(names) or '(none)'}: each must be named once, presets not among them; "
            f"unknown: {', '.join(missing) or 'none'}; known are {', '.join(BUILT)}"
        )
    return tuple(_on(BUILT[name], device) for name in names)


def _on(candidate: Candidate, device: str) -> Candidate:
    if isinstance(candidate, Mean):
        return replace(candidate, parts=tuple(_on(part, device) for part in candidate.parts))
    return replace(candidate, device=device) if isinstance(candidate, Deep) else candidate


def restore(kind: str, arrays: Mapping[str, np.ndarray]) -> Fitted:
    """The model of candidate `kind` from its `Fitted.arrays()`; its predictions are the same bit for bit.

    Raises ValueError for an unknown kind or an array that is missing. Compare the hash of stored bytes first:
    see `boosting.BoosterModel`.
    """
    if kind not in _RESTORE:
        raise ValueError(f"cannot restore a model of kind {kind!r}; known are {', '.join(_RESTORE)}")
    try:
        return Fitted(kind, _RESTORE[kind](arrays))
    except KeyError as error:
        raise ValueError(
            f"a stored {kind} model lacks the array {error}; it holds {sorted(arrays)}"
        ) from error
