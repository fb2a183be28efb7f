"""Work on a fold as a whole: training shared networks (from the last checkpoint on), profiles and drugs."""

from cluster.scheduling.executors import Job, Say
from cluster.store.checkpoints import Checkpoints
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import FIT, SEARCH
from cluster.worker.inputs import RunInputs
from modeling.folds import Fold
from modeling.networks.shared_networks import STAGES, OnCheckpoint, TrainingCheckpoint
from tasks.drugs.drugs import METHOD as DRUGS
from tasks.drugs.folds import drug_fold
from tasks.fitting.fold import Panel
from tasks.fitting.settings import ShardSettings
from tasks.methods.profiles import METHOD as PROFILES
from tasks.methods.profiles import profile_tables
from tasks.methods.registry import Weights
from tasks.networks.search import search_fold
from tasks.networks.training import NETWORK_METHODS, FoldResult, design_of, train_fold


def run_fold_work(job: Job, inputs: RunInputs, settings: ShardSettings, say: Say | None) -> FoldResult:
    """Do the work of a job that stands for a fold as a whole.

    ValueError for a method that has no such work.
    """
    (unit,) = job.units
    panel, fold, options = inputs.panel, inputs.folds[job.fold], inputs.options
    if unit.method == PROFILES:
        tables = profile_tables(panel, unit.fold, options.folds, options.seed, settings.device)
        return FoldResult(tables)
    if unit.method == DRUGS and inputs.drugs is not None:
        return drug_fold(panel, inputs.drugs, fold, options.folds, options.seed, settings.device)
    if unit.method in NETWORK_METHODS and unit.work == FIT:
        return _train(job, panel, fold, settings, say)
    if unit.method in NETWORK_METHODS and unit.work == SEARCH:
        return _search(job, panel, fold, settings, say)
    raise ValueError(f"{unit}: there is no such work")


def finish_fold_work(job: Job) -> None:
    """Remove what was kept for going on: the job is committed."""
    if job.trains:
        Checkpoints(open_filesystem(job.store), job.key).clear()


def weights_of(store: str, key: str) -> Weights:
    """The networks that a commit holds, each byte checked."""
    reader = StoreReader.open(store)
    commit = reader.commit(key)
    (file,) = commit.other_files
    seconds = reader.rows(commit, "networks").column("seconds").to_pylist()
    return Weights(reader.verified(file), float(sum(seconds)))


def _train(job: Job, panel: Panel, fold: Fold, settings: ShardSettings, say: Say | None) -> FoldResult:
    checkpoints = Checkpoints(open_filesystem(job.store), job.key)
    design = design_of(settings, fold, _searched(job, settings.method))
    return train_fold(panel, fold, settings, design, checkpoints.last(), _keeper(job, checkpoints, say))


def _search(job: Job, panel: Panel, fold: Fold, settings: ShardSettings, say: Say | None) -> FoldResult:
    checkpoints = Checkpoints(open_filesystem(job.store), job.key)
    nested = bool(StoreReader.open(job.store).run["settings"].get("nested_search", False))
    keep = _keeper(job, checkpoints, say)
    return search_fold(panel, fold, settings, nested, checkpoints.last(), keep)


def _keeper(job: Job, checkpoints: Checkpoints, say: Say | None) -> OnCheckpoint:
    def keep(network: str, standing: TrainingCheckpoint) -> None:
        checkpoints.keep(network, standing)
        if say is not None:
            say(f"{job.method_fold}: {told(network, standing)}")

    return keep


def told(network: str, standing: TrainingCheckpoint) -> str:
    """How far a training is, in words."""
    if standing.tried is not None:
        return f"search for network {network}, {len(standing.tried)} architectures tried"
    if standing.state is None:
        return f"network {network} is done"
    loss, error = standing.state.losses[-1]
    return (
        f"network {network}, epoch {standing.state.epoch}, loss {loss:.4g}, on validation lines {error:.4g}"
    )


def _searched(job: Job, method: str) -> tuple[int, ...] | None:
    """The hidden layers that a search has chosen, where the job reads one; None where all it tried failed."""
    if not job.dependencies:
        return None
    reader = StoreReader.open(job.store)
    rows = reader.rows(reader.commit(job.dependencies[0]), "searches").to_pylist()
    chosen = [row for row in rows if row["chosen"] and row["network"] == STAGES[method][-1]]
    return (chosen[0]["units"],) * chosen[0]["hidden_layers"] if chosen else None
