"""Which commits a unit's work reads: the fold-level work that its method depends on, as keys."""

from cluster.store.units import Unit, fold_level_unit, shard_key
from tasks.fitting.settings import MethodSettings
from tasks.methods.method import FoldTask
from tasks.methods.registry import method_named


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
