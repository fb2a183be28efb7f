"""What a worker does: prepare a method's fold once, then run shards of it and commit each to the store."""

import socket
import time
from dataclasses import dataclass
from importlib.metadata import version

from cluster.config import GPU_METHODS, RunOptions
from cluster.devices import sees_gpu
from cluster.errors import RefusedError
from cluster.executors import Job, Receipt
from cluster.store.units import Part
from cluster.store.writer import StoreWriter
from modeling.folds import Fold
from tasks.fold import Panel, target_indices
from tasks.methods import Prepared, prepare_part
from tasks.settings import ShardSettings
from tasks.shard import run_shard


@dataclass(frozen=True)
class RunInputs:
    """What every shard of a run needs: the matrices, the folds by number, and the options."""

    panel: Panel
    folds: dict[int, Fold]
    options: RunOptions


def prepare(inputs: RunInputs, part: Part) -> Prepared:
    """What every shard of one method in one fold needs."""
    return prepare_part(inputs.panel, inputs.folds[part.fold], settings_of(inputs.options, part.method))


def settings_of(options: RunOptions, method: str) -> ShardSettings:
    """What a shard of one method needs to know of the run's options."""
    return ShardSettings(
        method=method,
        candidates=options.candidates,
        selection=options.selection,
        seed=options.seed,
        device=options.runs_on if method in GPU_METHODS else "cpu",
    )


def run_and_commit(job: Job, inputs: RunInputs, prepared: Prepared) -> Receipt:
    """Run one shard and commit its tables. A twin that was quicker is no error: `won` is then False."""
    begun = time.process_time()
    settings = settings_of(inputs.options, job.method)
    if settings.device == "cuda" and not sees_gpu():
        raise RefusedError(
            f"device cuda: torch {version('torch')} sees no GPU on {socket.gethostname()}, where a task was "
            "sent; install a CUDA build of torch on every node that has a GPU"
        )
    result = run_shard(inputs.panel, prepared, target_indices(inputs.panel, job.targets), settings)
    seconds, host = time.process_time() - begun, socket.gethostname()
    won = StoreWriter.join(job.store, job.run).commit(
        job.key,
        job.attempt,
        job.units,
        result.tables,
        {},
        info={"seconds": seconds, "host": host, "statuses": result.statuses},
    )
    return Receipt(job.key, job.attempt, won, result.statuses, seconds, host)
