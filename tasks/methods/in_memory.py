"""Fold-level work done here and now, without a store: to time it, to study it, to test it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from modeling.folds import Fold
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.methods.method import TARGETS, CommittedWork, FoldJob, FoldTask, Method


@dataclass(frozen=True, eq=False)
class DoneHere:
    """A piece of fold-level work as others read it (`CommittedWork`), and the core-seconds of a trial."""

    result: FoldResult
    seconds: float = 0.0

    def rows(self, table: str) -> pa.Table:
        """Its rows of one table."""
        return self.result.tables[table]

    def file(self) -> bytes:
        """Its one file that is no table."""
        (data,) = self.result.files.values()
        return data


def fold_work_here(
    method: Method,
    panel: Panel,
    folds: Mapping[int, Fold],
    fold: int,
    settings: MethodSettings,
    trial: bool = False,
) -> dict[FoldTask, DoneHere]:
    """All fold-level work of a method in one fold, what others depend on first.

    `folds` are those of the run, by number: work may be done on another fold's training lines. A `trial`
    (`Method.try_on_fold`) is there for its seconds alone.
    """
    done: dict[FoldTask, DoneHere] = {}
    for task in method.fold_tasks([fold], settings):
        before: list[CommittedWork] = [done[each] for each in method.dependencies(task, settings)]
        job = FoldJob(task.work, panel, folds[task.fold], settings, committed=before)
        done[task] = DoneHere(*(method.try_on_fold(job) if trial else (method.work_on_fold(job), 0.0)))
    return done


def read_by_targets(
    method: Method, done: Mapping[FoldTask, DoneHere], fold: int, settings: MethodSettings
) -> list[CommittedWork]:
    """Of the work done, what the targets of a fold depend on, in their method's order."""
    return [done[task] for task in method.dependencies(FoldTask(TARGETS, fold), settings)]
