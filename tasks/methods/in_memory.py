"""Fold-level work done here and now, without a store: to time it, to study it, to test it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from modeling.folds import Fold
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.methods.method import TARGETS, CommittedWork, FoldJob, FoldTask, Method


@dataclass(frozen=True, eq=False)
class DoneHere:
    """A piece of fold-level work as others read it (`CommittedWork`), and the core-seconds that it took."""

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
    extra: Any = None,
) -> dict[FoldTask, DoneHere]:
    """All fold-level work of a method in one fold, what others depend on first.

    `folds` are those of the run, by number: work may be done on another fold's training lines. `extra` is
    what the method's `load` took from the Dataset.
    """
    done: dict[FoldTask, DoneHere] = {}
    for task in method.fold_tasks([fold], settings):
        before: list[CommittedWork] = [done[each] for each in method.dependencies(task, settings)]
        job = FoldJob(task.work, panel, folds[task.fold], settings, extra, before)
        begun = time.thread_time()
        result = method.work_on_fold(job)
        done[task] = DoneHere(result, time.thread_time() - begun)
    return done


def read_by_targets(
    method: Method, done: Mapping[FoldTask, DoneHere], fold: int, settings: MethodSettings
) -> list[CommittedWork]:
    """Of the work done, what the targets of a fold depend on, in their method's order."""
    return [done[task] for task in method.dependencies(FoldTask(TARGETS, fold), settings)]
