"""What a worker does: prepare a method's fold once, then run shards of it and commit each to the store.

Fold-level work is a training: it continues from the last checkpoint, and what was committed before is read
back."""

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from cluster.errors import RefusedError
from cluster.runs.devices import sees_gpu
from cluster.runs.fields import RunOptions
from cluster.runs.methods import settings_of, task_key
from cluster.scheduling.executor import Receipt
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import Signs
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import MethodFold
from cluster.store.writer import StoreWriter
from cluster.worker.checkpoints import Checkpoints
from cluster.worker.parts import Parts, info_of, peak_memory
from modeling.folds import Fold
from modeling.networks.shared_networks import OnCheckpoint, TrainingCheckpoint
from tasks.fitting.fold import FoldResult, MethodSettings, Panel, target_indices
from tasks.methods.method import TARGETS, CommittedWork, FoldJob, FoldTask, Prepared
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import TargetRows, work_through


@dataclass(frozen=True)
class RunInputs:
    """The matrices, the folds by number, the options, and the store; `run` is the run's digest.

    `extra` holds, by method, what its `load` took from the Dataset beside the panel.
    """

    panel: Panel
    folds: dict[int, Fold]
    options: RunOptions
    store: str
    run: str
    extra: Mapping[str, Any] = field(default_factory=dict)


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


def run_fold_work(job: Job, inputs: RunInputs, settings: MethodSettings, signs: Signs) -> FoldResult:
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
        *(_checkpointing(job, signs) if job.shard.checkpointed else ()),
    )
    return method_named(unit.method).work_on_fold(work)


def finish_fold_work(job: Job) -> None:
    """Remove what was kept for going on: the job is committed."""
    if job.shard.checkpointed:
        Checkpoints(open_filesystem(job.store), job.shard.key).clear()


def _checkpointing(job: Job, signs: Signs) -> tuple[TrainingCheckpoint | None, OnCheckpoint]:
    """How far the work is, and what keeps that from now on."""
    checkpoints = Checkpoints(open_filesystem(job.store), job.shard.key)

    def on_checkpoint(network: str, checkpoint: TrainingCheckpoint) -> None:
        checkpoints.write(network, checkpoint)
        signs.progressed(f"{job.shard.method_fold}: {in_words(network, checkpoint)}")

    return checkpoints.last(), on_checkpoint


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


def prepare(inputs: RunInputs, method_fold: MethodFold) -> Prepared:
    """What every shard of one method in one fold needs."""
    settings = settings_of(inputs.options, method_fold.method)
    committed = dependencies_for_targets(inputs, settings, method_fold.fold)
    fold = inputs.folds[method_fold.fold]
    prepared: Prepared = prepare_method_fold(inputs.panel, fold, settings, committed)
    return prepared


def run_and_commit(job: Job, inputs: RunInputs, prepared: Prepared | None, signs: Signs) -> Receipt:
    """Run one shard and commit its tables. A twin that was quicker is no error: `won` is then False.

    A job of a whole fold has nothing prepared.
    """
    if job.shard.checkpointed and (done := _trained_before(job)):
        return done
    settings = settings_of(inputs.options, job.shard.method)
    if settings.device == "cuda" and not sees_gpu():
        raise RefusedError(
            f"device cuda: torch {version('torch')} sees no GPU on {socket.gethostname()}, where a task was "
            "sent; install a CUDA build of torch on every node that has a GPU"
        )
    if job.shard.is_fold_level:
        return _work_on_fold(job, inputs, settings, signs)
    if prepared is None:
        raise ValueError(f"{job.shard.method_fold}: nothing is prepared")
    parts = Parts(job, inputs.panel.targets)
    signs.commits_by(parts.commit)

    def on_finished(rows: TargetRows) -> None:
        parts.add(rows)
        signs.progressed()

    targets = target_indices(inputs.panel, job.shard.targets)
    work_through(inputs.panel, prepared, targets, settings, on_finished=on_finished)
    parts.commit()
    return parts.receipt()


def _work_on_fold(job: Job, inputs: RunInputs, settings: MethodSettings, signs: Signs) -> Receipt:
    begun, since = time.process_time(), time.monotonic()
    result = run_fold_work(job, inputs, settings, signs)
    seconds, statuses, trained = time.process_time() - begun, {result.status: 1}, time.monotonic()
    won = StoreWriter.join(job.store, job.run).commit(
        job.shard.key,
        job.attempt,
        job.shard.units,
        result.tables,
        result.files,
        job.shard.dependencies,
        info=info_of(seconds, statuses),
    )
    finish_fold_work(job)
    stages, host = {"train": trained - since, "write": time.monotonic() - trained}, socket.gethostname()
    return Receipt(job.shard.key, job.attempt, won, statuses, seconds, host, peak_memory(), stages)


def _trained_before(job: Job) -> Receipt | None:
    """The receipt of a trainer that died between its commit and its answer; Ray has started it again."""
    fs = open_filesystem(job.store)
    if not fs.exists(layout.commit_path(job.shard.key)):
        return None
    commit = StoreReader(fs).commit(job.shard.key)
    finish_fold_work(job)
    return Receipt(
        job.shard.key,
        job.attempt,
        commit.attempt == job.attempt,
        commit.statuses,
        commit.seconds or 0.0,
        commit.host or "",
    )
