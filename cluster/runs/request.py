"""From a request to the units it wants: everything that is wrong with it is told at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from cluster.runs.dependencies import fold_level_units
from cluster.runs.idle_options import idle_options
from cluster.runs.options import (
    DRUGS,
    FINAL_METHODS,
    PROFILES,
    VECTOR_METHODS,
    RunOptions,
    checked_options,
    chosen_targets,
    folds_of,
    targets_of,
)
from cluster.runs.settings import settings_of
from cluster.store.units import FINAL_FOLD, Unit
from modeling.folds import Fold
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import missing_pattern_order, target_facts
from tasks.drugs.drugs import check_drugs, check_ranking
from tasks.errors import BadInputError
from tasks.methods.profiles import check_profiles
from tasks.networks.training import NETWORK_METHODS

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a request comes to: `facts` are those of all targets, `notes` what its user should know."""

    dataset: Dataset
    options: RunOptions
    units: list[Unit]
    facts: pa.Table
    notes: list[str]


@dataclass
class _Problems:
    """Collects what several checks find wrong."""

    found: list[str] = field(default_factory=list)

    def of(self, check: Callable[[], Answer], otherwise: Answer) -> Answer:
        try:
            return check()
        except BadInputError as error:
            self.found += error.problems
            return otherwise


def wanted_by(
    path: Path, methods: Sequence[str], targets: str | Sequence[str], final: bool, options: dict[str, Any]
) -> Wanted:
    """The units that these methods mean for a Dataset's targets and the folds of the options.

    Raises BadInputError: with all that is wrong with the options, or else with the Dataset's part in it.
    """
    chosen = checked_options(methods, **options)
    dataset = verified_dataset(path)
    facts, problems = target_facts(dataset), _Problems()
    none: tuple[Fold, ...] = ()
    folds = [fold.number for fold in problems.of(lambda: folds_of(chosen, dataset), none)]
    classes = facts.column("class").to_pylist()
    names: list[str] = problems.of(lambda: chosen_targets(dataset, classes, targets), [])
    if PROFILES in methods:
        problems.of(lambda: check_profiles(dataset, chosen.folds), None)
    if DRUGS in methods:
        problems.of(lambda: check_ranking(dataset), None)
    order = missing_pattern_order(dataset)
    names.sort(key=order.__getitem__)
    units = []
    for method in methods:
        own = [f for f in folds if f != FINAL_FOLD or (final and method in FINAL_METHODS)]
        units += fold_level_units(method, own, settings_of(chosen, method))
        if names:
            mine = problems.of(partial(targets_of, method, dataset, facts, names, targets), list[str]())
            units += [Unit(method, target, fold) for fold in own for target in mine]
    if problems.found:
        raise BadInputError(list(dict.fromkeys(problems.found)))
    return Wanted(dataset, chosen, units, facts, _notes(methods, targets, dataset, chosen))


def _notes(
    methods: Sequence[str], targets: str | Sequence[str], dataset: Dataset, options: RunOptions
) -> list[str]:
    """Options that nothing reads, choices that are not nested, methods that can be done in part only."""
    notes = idle_options(methods, options)
    if targets != "all" and set(methods) <= set(VECTOR_METHODS):
        notes.append(f"--targets changes nothing here: {' and '.join(methods)} model whole vectors")
    if options.search == "once" and set(methods) & set(NETWORK_METHODS):
        notes.append(
            "--search-architecture: the first fold chooses for all, so the scores are not nested (its "
            "training lines are other folds' test lines); --nested-search chooses in each"
        )
    if DRUGS in methods:
        try:
            check_drugs(dataset, options.folds)
        except BadInputError as error:
            only = f"method {DRUGS}: only the ranking for new samples is made"
            notes += [f"{only}: {text}" for text in error.problems]
    return notes


def verified_dataset(path: Path) -> Dataset:
    """The Dataset, hashed again: a store must not mix the results of two matrices under one name."""
    dataset = Dataset.open(path)
    dataset.verify()
    return dataset
