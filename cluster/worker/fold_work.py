"""Fold-level work: training from the last checkpoint on, and what was committed before, read back."""

from collections.abc import Sequence

import pyarrow as pa

from cluster.runs.dependencies import task_key
from cluster.scheduling.executor import ReportProgress
from cluster.scheduling.shard import Job
from cluster.store.checkpoints import Checkpoints
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.worker.inputs import RunInputs
from modeling.networks.shared_networks import OnCheckpoint, TrainingCheckpoint
from tasks.fitting.fold import FoldResult
from tasks.fitting.settings import MethodSettings
from tasks.methods.method import TARGETS, CommittedWork, FoldJob, FoldTask
from tasks.methods.registry import method_named


class Commit:
    """What a commit holds, each byte checked; `tasks.methods.method.CommittedWork`."""

    def __init__(self, store: str, key: str) -> None:
        self._reader = StoreReader.open(store)
        self._commit = self._reader.commit(key)

    def rows(self, table: str) -> pa.Table:
        """Its rows of one table."""
        return self._reader.rows(self._commit, table)

    def file(self) -> bytes:
        """Its one file that is no table."""
        (file,) = self._commit.other_files
        return self._reader.verified(file)


def dependencies_for_targets(inputs: RunInputs, settings: MethodSettings, fold: int) -> list[CommittedWork]:
    """The committed work that a method's targets in a fold depend on."""
    tasks = method_named(settings.method).dependencies(FoldTask(TARGETS, fold), settings)
    return [Commit(inputs.store, task_key(settings.method, task, inputs.run, settings)) for task in tasks]


def run_fold_work(
    job: Job, inputs: RunInputs, settings: MethodSettings, report: ReportProgress | None
) -> FoldResult:
    """Do the fold-level work of a job."""
    (unit,) = job.shard.units
    committed: Sequence[CommittedWork] = [Commit(job.store, key) for key in job.shard.dependencies]
    work = FoldJob(
        unit.work,
        inputs.panel,
        inputs.folds[unit.fold],
        settings,
        inputs.extra.get(unit.method),
        committed,
        *(_checkpointing(job, report) if job.shard.checkpointed else ()),
    )
    return method_named(unit.method).work_on_fold(work)


def finish_fold_work(job: Job) -> None:
    """Remove what was kept for going on: the job is committed."""
    if job.shard.checkpointed:
        Checkpoints(open_filesystem(job.store), job.shard.key).clear()


def _checkpointing(job: Job, report: ReportProgress | None) -> tuple[TrainingCheckpoint | None, OnCheckpoint]:
    """How far the work is, and what keeps that from now on."""
    checkpoints = Checkpoints(open_filesystem(job.store), job.shard.key)

    def keep(network: str, checkpoint: TrainingCheckpoint) -> None:
        checkpoints.keep(network, checkpoint)
        if report is not None:
            report(f"{job.shard.method_fold}: {in_words(network, checkpoint)}")

    return checkpoints.last(), keep


def in_words(network: str, checkpoint: TrainingCheckpoint) -> str:
    """How far a training is, in words."""
    if checkpoint.tried is not None:
        return f"search for network {network}, {len(checkpoint.tried)} architectures tried"
    if checkpoint.state is None:
        return f"network {network} is done"
    loss, error = checkpoint.state.losses[-1]
    return (
        f"network {network}, epoch {checkpoint.state.epoch}, loss {loss:.4g}, on validation lines {error:.4g}"
    )
