"""What a worker does: prepare a method's fold once, then run shards of it and commit each to the store."""

import socket
import time
from dataclasses import dataclass
from importlib.metadata import version

import pyarrow as pa

from cluster.errors import RefusedError
from cluster.runs.devices import sees_gpu
from cluster.runs.settings import settings_of
from cluster.scheduling.executor import Receipt, ReportProgress
from cluster.scheduling.shard import Job
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import MethodFold
from cluster.store.writer import StoreWriter
from cluster.worker.fold_work import dependencies_for_targets, finish_fold_work, run_fold_work
from cluster.worker.inputs import RunInputs
from tasks.fitting.fold import target_indices
from tasks.fitting.settings import MethodSettings
from tasks.methods.method import Prepared
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import run_shard


@dataclass(frozen=True)
class Result:
    """What a job commits: tables by name, counts by status word, files by extension."""

    tables: dict[str, pa.Table]
    statuses: dict[str, int]
    files: dict[str, bytes]


def prepare(inputs: RunInputs, method_fold: MethodFold) -> Prepared:
    """What every shard of one method in one fold needs."""
    settings = settings_of(inputs.options, method_fold.method)
    committed = dependencies_for_targets(inputs, settings, method_fold.fold)
    fold = inputs.folds[method_fold.fold]
    prepared: Prepared = prepare_method_fold(inputs.panel, fold, settings, committed)
    return prepared


def run_and_commit(job: Job, inputs: RunInputs, prepared: Prepared | ReportProgress | None) -> Receipt:
    """Run one shard and commit its tables. A twin that was quicker is no error: `won` is then False.

    A job of a whole fold has nothing prepared; it may have a `ReportProgress` instead.
    """
    if job.shard.checkpointed and (done := _trained_before(job)):
        return done
    begun = time.process_time()
    settings = settings_of(inputs.options, job.shard.method)
    if settings.device == "cuda" and not sees_gpu():
        raise RefusedError(
            f"device cuda: torch {version('torch')} sees no GPU on {socket.gethostname()}, where a task was "
            "sent; install a CUDA build of torch on every node that has a GPU"
        )
    result = _run(job, inputs, prepared, settings)
    seconds, host = time.process_time() - begun, socket.gethostname()
    won = StoreWriter.join(job.store, job.run).commit(
        job.shard.key,
        job.attempt,
        job.shard.units,
        result.tables,
        result.files,
        job.shard.dependencies,
        info={"seconds": seconds, "host": host, "statuses": result.statuses},
    )
    finish_fold_work(job)
    return Receipt(job.shard.key, job.attempt, won, result.statuses, seconds, host)


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


def _run(
    job: Job, inputs: RunInputs, prepared: Prepared | ReportProgress | None, settings: MethodSettings
) -> Result:
    if job.shard.is_fold_level:
        done = run_fold_work(job, inputs, settings, prepared if callable(prepared) else None)
        return Result(done.tables, {done.status: 1}, done.files)
    if prepared is None or callable(prepared):
        raise ValueError(f"{job.shard.method_fold}: nothing is prepared")
    shard = run_shard(inputs.panel, prepared, target_indices(inputs.panel, job.shard.targets), settings)
    return Result(shard.tables, shard.statuses, {})
