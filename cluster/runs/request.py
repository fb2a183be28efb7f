"""From a request to what it comes to, once for each command: `run`, `resume` and `plan` share it.

Everything that is wrong with a request is named at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from cluster.libraries import UsedPlugin
from cluster.runs.fields import WHERE, RunOptions, names_in
from cluster.runs.methods import fold_level_units, idle_options, settings_of
from cluster.runs.options import (
    checked_options,
    chosen_targets,
    folds_of,
    options_of,
    run_body,
    targets_of,
)
from cluster.runs.planning import Costs
from cluster.runs.plugins import (
    check_stored,
    plugins_body,
    plugins_in_plans,
    plugins_of,
    stored_plugins,
    used_plugins,
)
from cluster.store.body import digest_of
from cluster.store.datasets import verified_dataset
from cluster.store.filesystem import address_of
from cluster.store.reader import StoreReader
from cluster.store.records import targets_digest
from cluster.store.units import FINAL_FOLD, Unit
from modeling.folds import Fold
from tasks.dataset.checks import check_inputs
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import VARIABLE, missing_pattern_order, target_facts
from tasks.errors import BadInputError, Problems
from tasks.methods.cost import DataSize, Factors
from tasks.methods.registry import method_named

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class RunRequest:
    """What `run` and `plan` were asked for. Make one with `request_of`, which checks the options."""

    dataset: str
    store: str | None
    options: RunOptions


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """What a command works with, computed once.

    `options` have their device settled; `folds` end with the final one; `facts` are those of all targets of
    the dataset, in its order; `units` are what is wanted, neighbours being worked on together; `notes` are
    what the user should know. `factors` are what `plan --calibrate` measured. `plugins` are those of other
    packages that the work uses, `recorded` those that run.json names.
    """

    dataset: Dataset
    options: RunOptions
    folds: tuple[Fold, ...]
    facts: pa.Table
    units: tuple[Unit, ...]
    notes: tuple[str, ...] = ()
    plugins: tuple[UsedPlugin, ...] = ()
    recorded: tuple[UsedPlugin, ...] = ()
    factors: Mapping[str, Factors] = field(default_factory=dict)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The body of run.json."""
        body = run_body(self.options, self.dataset, self.folds, targets_digest(self.facts))
        return body | plugins_body(self.recorded)

    @cached_property
    def digest(self) -> str:
        """The run's digest: the sha256 of its body."""
        return digest_of(self.body)

    @cached_property
    def costs(self) -> Costs:
        """What decides how long the work takes."""
        size = DataSize(
            len(self.dataset.genes),
            len(self.dataset.cell_lines),
            len(self.dataset.drugs),
            profiled=int((np.asarray(self.dataset.own) >= 0).sum()),
            variable=self.facts.column("class").to_pylist().count(VARIABLE),
        )
        return Costs(size, self.options, self.factors)


def request_of(dataset: Path | str, store: Path | str | None, **options: Any) -> RunRequest:
    """A request with these of `RunOptions`. Raises BadInputError with all that is wrong with them."""
    return RunRequest(address_of(dataset), None if store is None else str(store), checked_options(**options))


def prepare_run(request: RunRequest, settle: Callable[[RunOptions], str]) -> PreparedRun:
    """What a request comes to: the units that its methods mean for the Dataset's targets and the folds.

    `settle` says which device is used, `cuda` or `cpu`; it is asked last. Raises BadInputError with all that
    is wrong with the Dataset's part in the request.
    """
    chosen = request.options
    used = used_plugins(chosen, chosen.methods)
    recorded = stored_plugins(request.store, used)
    methods, targets, final = chosen.methods, chosen.targets, chosen.final
    dataset = verified_dataset(request.dataset)
    facts, problems = target_facts(dataset), Problems()
    none: tuple[Fold, ...] = ()
    made = problems.of(lambda: folds_of(chosen, dataset), none)
    folds = [fold.number for fold in made]
    classes = facts.column("class").to_pylist()
    names: list[str] = problems.of(lambda: chosen_targets(dataset, classes, targets), [])
    problems.of(lambda: check_inputs(dataset, chosen.inputs), None)
    for method in methods:
        problems.found += method_named(method).check(dataset, settings_of(chosen, method))
    order = missing_pattern_order(dataset)
    names.sort(key=order.__getitem__)
    units = []
    for method in methods:
        own = [f for f in folds if f != FINAL_FOLD or (final and method_named(method).stores_models)]
        units += fold_level_units(method, own, settings_of(chosen, method))
        if names:
            mine = problems.of(partial(targets_of, method, dataset, facts, names, targets), list[str]())
            units += [Unit(method, target, fold) for fold in own for target in mine]
    if problems.found:
        raise BadInputError(list(dict.fromkeys(problems.found)))
    notes = tuple(_notes(methods, targets, dataset, chosen))
    settled = chosen.model_copy(update={"device": settle(chosen)})
    return PreparedRun(dataset, settled, made, facts, tuple(units), notes, used, recorded)


def prepare_resume(
    reader: StoreReader, where: RunOptions, path: str | Path, settle: Callable[[RunOptions], str]
) -> PreparedRun:
    """What a store's runs come to: all that any of them wanted, done with the options of run.json.

    `where` says where and how it is done; its other options do not count. `settle` may refuse the device.
    """
    recorded = plugins_of(reader.run)
    check_stored(reader.fs.name, recorded + plugins_in_plans(reader))
    dataset = verified_dataset(path)
    options = options_of(reader.run).model_copy(
        update={name: getattr(where, name) for name in names_in(WHERE)}
    )
    settle(options)
    order = missing_pattern_order(dataset)
    units = sorted(reader.wanted_units(), key=lambda u: (u.method, u.fold, order.get(u.target, -1)))
    used = used_plugins(options, {unit.method for unit in units})
    facts = target_facts(dataset)
    folds = folds_of(options, dataset)
    return PreparedRun(dataset, options, folds, facts, tuple(units), plugins=used, recorded=recorded)


def _notes(
    methods: Sequence[str], targets: str | Sequence[str], dataset: Dataset, options: RunOptions
) -> list[str]:
    """Options that nothing reads, and what each method has to say."""
    notes = idle_options(methods, options)
    if targets != "all" and all(method_named(name).fits == "folds" for name in methods):
        notes.append(f"--targets changes nothing here: {' and '.join(methods)} model whole vectors")
    of_methods = [
        note for name in methods for note in method_named(name).notes(dataset, settings_of(options, name))
    ]
    return notes + list(dict.fromkeys(of_methods))
