"""Every candidate by name, those of other installed packages among them, and how a stored model comes back.

A candidate is one file in this package or a sub-package, with a tuple `CANDIDATES` of `base.Candidate`s: the
registry looks for it there. Another package adds one by the entry point group `knockcast.candidates`
(`modeling.plugins`), which names a candidate, or a class or function that gives one without arguments.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import cast

import numpy as np

import modeling.candidates
from modeling.candidates.base import Candidate
from modeling.candidates.fitted import Fitted, Model
from modeling.candidates.problem import Problem
from modeling.candidates.stacked_model import STACK, StackModel
from modeling.plugins import CANDIDATES, Plugin, discover

__all__ = [
    "BUILT",
    "PRESETS",
    "STACKED",
    "Candidate",
    "Fitted",
    "Problem",
    "candidate_of",
    "candidates_of",
    "known_candidates",
    "plugin_of",
    "restore",
]

# In order of preference at a tie.
PRESETS: dict[str, tuple[str, ...]] = {
    "quick": ("ols", "ridge", "lasso", "tree"),
    "published": ("ols", "lasso", "xgboost", "deep", "gp", "knn", "tree"),
    "careful": ("few_ridge", "ridge", "knn100", "own_expression"),
}
STACKED = frozenset(
    {"careful"}
)  # presets whose candidates are weighted (`stacking`); of others the best is taken
PLANNED_PRESETS = ("best",)

IMPORTS_TORCH = "torch_"  # begins the names of modules that do: seconds that nobody should pay for a list


def _built_in() -> Iterator[Candidate]:
    """What each module of this package lists in `CANDIDATES`."""
    for module in walk_packages(modeling.candidates.__path__, f"{modeling.candidates.__name__}."):
        if module.name != __name__ and not module.name.rpartition(".")[2].startswith(IMPORTS_TORCH):
            yield from getattr(import_module(module.name), "CANDIDATES", ())


BUILT: dict[str, Candidate] = {candidate.name: candidate for candidate in _built_in()}


def known_candidates() -> tuple[str, ...]:
    """Names of all candidates, those of plug-ins last."""
    return (*BUILT, *(name for name in discover(CANDIDATES) if name not in BUILT))


def plugin_of(name: str) -> Plugin | None:
    """The plug-in that a candidate comes from; None for one that is built in or unknown."""
    return discover(CANDIDATES).get(name)


def candidate_of(name: str) -> Candidate:
    """The candidate of that name; a plug-in is imported here.

    Raises ValueError for an unknown name, for one that several packages claim, and for a plug-in that cannot
    be imported or is no candidate of its name.
    """
    plugin = plugin_of(name)
    if plugin is not None:
        plugin.refuse_collision(BUILT)
        return _loaded(plugin)
    if name not in BUILT:
        raise ValueError(f"unknown candidate {name!r}; known are {', '.join(known_candidates())}")
    return BUILT[name]


@cache
def _loaded(plugin: Plugin) -> Candidate:
    loaded = plugin.load()
    ready = isinstance(loaded, Candidate) and not isinstance(loaded, type)
    made = loaded if ready else _called(plugin, loaded)
    if not isinstance(made, Candidate):
        raise ValueError(  # noqa: TRY004 - as for all that is wrong with a plug-in
            f"candidate {plugin.name!r}: {plugin.entry_point} of {plugin.source} is no candidate but "
            f"{type(made).__name__}; expected what modeling.candidates.base.Candidate says"
        )
    if made.name != plugin.name:
        raise ValueError(
            f"candidate {plugin.name!r}: {plugin.entry_point} of {plugin.source} calls itself {made.name!r}; "
            "its name must be that of its entry point"
        )
    return made


def _called(plugin: Plugin, factory: object) -> object:
    try:
        return cast(Callable[[], object], factory)()
    except Exception as error:
        raise ValueError(
            f"candidate {plugin.name!r}: {plugin.entry_point} of {plugin.source} gives none when called "
            f"({type(error).__name__}: {error})"
        ) from error


def candidates_of(preset: str | Sequence[str], device: str = "cpu") -> tuple[Candidate, ...]:
    """The candidates of a preset, or those named one by one, in order of preference.

    Networks train on `device`, as torch names it; the other candidates know only the CPU.

    Raises ValueError for a preset that is unknown, names no candidate, or needs one that is not built, and
    for a candidate as `candidate_of` does.
    """
    if isinstance(preset, str):
        if preset in PLANNED_PRESETS:
            raise ValueError(f"preset {preset!r} is not built yet; use 'quick', 'careful' or 'published'")
        if preset not in PRESETS:
            raise ValueError(
                f"unknown preset {preset!r}; known are {', '.join(PRESETS)}, and candidates by name, "
                f"alone or with commas between them: {', '.join(known_candidates())}"
            )
        names: Sequence[str] = PRESETS[preset]
    else:
        names = tuple(preset)
    known = known_candidates()
    missing = [name for name in names if name not in known]
    if missing or not names or len(set(names)) != len(names):
        raise ValueError(
            f"candidates {', '.join(names) or '(none)'}: each must be named once, presets not among them; "
            f"unknown: {', '.join(missing) or 'none'}; known are {', '.join(known)}"
        )
    return tuple(candidate_of(name).on(device) for name in names)


def restore(kind: str, arrays: Mapping[str, np.ndarray]) -> Fitted:
    """The model of candidate `kind` from its `Fitted.arrays()`; its predictions are the same bit for bit.

    Raises ValueError for an unknown kind (as `candidate_of`) or an array that is missing. Compare the hash of
    stored bytes first: see `boosting.BoosterModel`.
    """
    if kind != STACK and kind not in known_candidates():
        raise ValueError(
            f"cannot restore a model of kind {kind!r}; known are {', '.join(known_candidates())}. "
            "If another package fitted it, install that package"
        )
    try:
        if kind == STACK:
            return Fitted(kind, StackModel.from_arrays(arrays, _restored))
        return Fitted(kind, candidate_of(kind).restore(arrays))
    except KeyError as error:
        raise ValueError(
            f"a stored {kind} model lacks the array {error}; it holds {sorted(arrays)}"
        ) from error


def _restored(name: str, arrays: Mapping[str, np.ndarray]) -> Model:
    """A candidate's model within a stack."""
    if name not in known_candidates():
        raise ValueError(
            f"cannot restore a stack's model of kind {name!r}; known are {', '.join(known_candidates())}. "
            "If another package fitted it, install that package"
        )
    return candidate_of(name).restore(arrays)
