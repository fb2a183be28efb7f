"""All methods by name: those of this package's modules, and those of other installed packages."""

import importlib
import pkgutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import tasks.methods
from modeling.folds import Fold
from tasks.fitting.fold import Panel, share_of
from tasks.fitting.settings import MethodSettings
from tasks.methods.method import CommittedWork, Method, Prepared

DEFAULT_METHODS = ("modifiers",)  # what `run` models and `predict` takes where no method is named
GROUP = "knockcast.methods"  # the entry points of other packages' methods


@cache
def built_in() -> Mapping[str, Method]:
    """The methods of this package: every module's `METHODS`, the default ones first."""
    modules = [importlib.import_module(f"{__package__}.{found.name}") for found in _modules()]
    methods = {method.name: method for module in modules for method in getattr(module, "METHODS", ())}
    first = {name: methods[name] for name in DEFAULT_METHODS}
    return first | methods


def _modules() -> list[pkgutil.ModuleInfo]:
    return [found for found in pkgutil.iter_modules(tasks.methods.__path__) if found.name != "registry"]


def method_names() -> tuple[str, ...]:
    """The names that `--method` takes."""
    return tuple(built_in())


def method_named(name: str) -> Method:
    """The method of a name. KeyError, naming those known, where there is none."""
    known = built_in()
    if name not in known:
        raise KeyError(f"method {name!r}: unknown; known are {', '.join(method_names())}")
    return known[name]


def described() -> str:
    """Every method with its help line, for the command line."""
    return "; ".join(f"{name}: {method_named(name).help}" for name in method_names()) + "."


def prepare_method_fold(
    panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork] = ()
) -> Any:
    """What every shard of one method (the settings') in one fold shares.

    `committed` is the fold-level work that its targets depend on. The `seconds` of the result are each
    target's share of the core-seconds that preparing took, and of those the fold-level work had taken.
    """
    begun = time.thread_time()
    prepared: Prepared = method_named(settings.method).prepare(panel, fold, settings, committed)
    seconds = prepared.seconds + time.thread_time() - begun
    return replace(prepared, seconds=share_of(panel, seconds))  # type: ignore[type-var]
