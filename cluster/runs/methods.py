"""A run's options as its methods see them: what each reads, which commits it depends on, what none reads."""

from collections.abc import Sequence

from cluster.runs.fields import RunOptions, flag_of
from cluster.store.units import Unit, fold_level_unit, shard_key
from tasks.fitting.fold import MethodSettings
from tasks.methods.method import FoldTask
from tasks.methods.registry import method_named, usable_methods


def settings_of(options: RunOptions, method: str) -> MethodSettings:
    """The settings of one method in a run."""
    return MethodSettings(
        method=method,
        candidates=options.candidates,
        selection=options.selection,
        seed=options.seed,
        device=options.runs_on if method_named(method).uses_gpu else "cpu",
        stratified=options.folds if options.stratified else None,
        folds=options.folds,
        search=options.search,
        inputs=options.inputs,
    )


def dependencies_of(unit: Unit, run_digest: str, settings: MethodSettings) -> tuple[str, ...]:
    """The keys of the commits that a unit's work reads, in its method's order."""
    tasks = method_named(unit.method).dependencies(FoldTask(unit.work, unit.fold), settings)
    return tuple(task_key(unit.method, task, run_digest, settings) for task in tasks)


def task_key(method: str, task: FoldTask, run_digest: str, settings: MethodSettings) -> str:
    """The key of the commit that holds a piece of fold-level work."""
    unit = fold_level_unit(method, task.fold, task.work)
    return shard_key(run_digest, [unit], dependencies_of(unit, run_digest, settings))


def fold_level_units(method: str, folds: list[int], settings: MethodSettings) -> list[Unit]:
    """The fold-level work of a method in these folds, what others depend on first."""
    tasks = method_named(method).fold_tasks(folds, settings)
    return [fold_level_unit(method, task.fold, task.work) for task in tasks]


def readers_of(option: str) -> list[str]:
    """The methods that read an option; none of those that every method reads, or none."""
    return [method.name for method in usable_methods() if option in method.reads]


def idle_options(methods: Sequence[str], options: RunOptions) -> list[str]:
    """A sentence for each option that is not at its default and that no method, or not the scheme, reads."""
    given = [name for name, value in options if value != RunOptions.model_fields[name].default]
    readers = {name: readers_of(name) for name in given}
    notes = [
        f"{flag_of(name)} changes nothing here: {' and '.join(those)} would read it"
        for name, those in readers.items()
        if those and not set(those) & set(methods)
    ]
    if "folds" in given and options.scheme != "kfold":
        notes.append(f"--folds changes nothing here: --scheme {options.scheme} has its own")
    return notes
