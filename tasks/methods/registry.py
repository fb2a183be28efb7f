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
from modeling.plugins import METHODS, discover
from tasks.errors import BadInputError
from tasks.fitting.fold import MethodSettings, Panel, share_of
from tasks.methods import DEFAULT_METHODS
from tasks.methods.method import CommittedWork, Method, Prepared


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
    """The names that `--method` takes: built in, then plug-ins."""
    return tuple(built_in()) + tuple(sorted(discover(METHODS).keys() - built_in().keys()))


def method_named(name: str) -> Method:
    """The method of a name.

    Raises BadInputError where there is none, or a plug-in cannot be used: it has a built-in method's name, is
    no method, or calls itself otherwise.
    """
    known = built_in()
    if name in discover(METHODS):
        return _plugged_in(name)
    if name in known:
        _refuse_incomplete(known[name])
        return known[name]
    raise BadInputError(
        f"method {name}: unknown; known are {', '.join(method_names())}; is it of a plug-in that is not "
        "installed here?"
    )


def usable_methods() -> list[Method]:
    """Every method but those of plug-ins that cannot be loaded, which concern only who asks for them."""
    usable = []
    for name in method_names():
        try:
            usable.append(method_named(name))
        except BadInputError:
            continue
    return usable


def is_known(name: str) -> bool:
    """Whether a method of this name is built in or installed; a store may hold others."""
    return name in method_names()


@cache
def _plugged_in(name: str) -> Method:
    plugin = discover(METHODS)[name]
    try:
        found = plugin.load(built_in())
    except ValueError as error:
        raise BadInputError(str(error)) from error
    method = found() if isinstance(found, type) and issubclass(found, Method) else found
    if not isinstance(method, Method) or method.name != name:
        raise BadInputError(
            f"method {name}: {plugin.entry_point} of {plugin.source} gives {found!r}; expected a class "
            f"derived from tasks.methods.method.Method, or an object of one, with name {name!r}"
        )
    _refuse_incomplete(method)
    return method


def _refuse_incomplete(method: Method) -> None:
    """Before a run starts, not in its middle."""
    if missing := method.not_overridden():
        raise BadInputError(
            f"method {method.name}: {type(method).__qualname__} must override {', '.join(missing)} "
            "(see tasks.methods.method.Method)"
        )


def described() -> str:
    """Every method with its help line, for the command line."""
    return "; ".join(f"{name}: {_help_of(name)}" for name in method_names()) + "."


def _help_of(name: str) -> str:
    """A plug-in that cannot be loaded must not take the help of all others with it."""
    try:
        return method_named(name).help
    except BadInputError:
        return "a plug-in that cannot be loaded"


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
