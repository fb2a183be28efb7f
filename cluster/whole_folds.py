"""Work on a fold as a whole: training its shared networks, which goes on from the last checkpoint."""

from cluster.executors import Job, Say
from cluster.store.checkpoints import Checkpoints
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import WHOLE
from modeling.folds import Fold
from modeling.shared_networks import STAGES, Standing
from tasks.fold import Panel
from tasks.methods import Weights
from tasks.settings import ShardSettings
from tasks.shared_training import NETWORK_METHODS, WholeResult, design_of, train_fold


def run_whole(job: Job, panel: Panel, fold: Fold, settings: ShardSettings, say: Say | None) -> WholeResult:
    """Do the work of a job that stands for a fold as a whole.

    ValueError for a method that has no such work.
    """
    (unit,) = job.units
    if unit.method in NETWORK_METHODS and unit.target == WHOLE:
        return _train(job, panel, fold, settings, say)
    raise ValueError(f"{unit}: there is no such work")


def finish_whole(job: Job) -> None:
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


def _train(job: Job, panel: Panel, fold: Fold, settings: ShardSettings, say: Say | None) -> WholeResult:
    checkpoints = Checkpoints(open_filesystem(job.store), job.key)
    design = design_of(settings, fold, _searched(job, settings.method))

    def keep(network: str, standing: Standing) -> None:
        checkpoints.keep(network, standing)
        if say is not None:
            say(f"{job.part}: {told(network, standing)}")

    return train_fold(panel, fold, settings, design, checkpoints.last(), keep)


def told(network: str, standing: Standing) -> str:
    """How far a training is, in words."""
    if standing.state is None:
        return f"network {network} is done"
    loss, error = standing.state.losses[-1]
    return f"network {network}, epoch {standing.state.epoch}, loss {loss:.4g}, on watched lines {error:.4g}"


def _searched(job: Job, method: str) -> tuple[int, ...] | None:
    """The hidden layers that a search has chosen, where the job reads one."""
    if not job.needs:
        return None
    reader = StoreReader.open(job.store)
    rows = reader.rows(reader.commit(job.needs[0]), "searches").to_pylist()
    chosen = next(row for row in rows if row["chosen"] and row["network"] == STAGES[method][-1])
    return (chosen["units"],) * chosen["hidden_layers"]
