"""Methods `latent` and `plain`: networks that a fold shares, and what they predict for each target.

Source: Itzhacky and Sharan, Molecular Omics 2021.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64

from modeling.folds import Fold
from modeling.networks.shared_networks import EXPRESSION_UNITS, PLAIN, STAGES
from modeling.networks.training_state import Schedule
from tasks.artifacts.files import networks_of
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import VARIABLE
from tasks.errors import BadInputError
from tasks.fitting.fit import BlockFit, fit_by_pattern
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.fitting.modifiers import TargetFit
from tasks.methods.cost import ROW_SECONDS, WORKER_BYTES, Cost, DataSize
from tasks.methods.method import FIT, SEARCH, TARGETS, CommittedWork, FoldJob, FoldTask, Method
from tasks.networks.search import search_fold
from tasks.networks.training import design_of, train_fold
from tasks.scoring.all_genes import predict_by_networks
from tasks.scoring.model_rows import BASIC_CHECKSUM, ModelFiles, Predictions, Row, Rows, as_json

FIRST_FOLD = 0

# Each network of a fold: seconds of a step, what genes and targets add.
TRAINING_SECONDS = {
    "latent": ((0.003, 0.065, 0.0), (0.002, 0.0, 0.009), (0.008, 0.0, 0.0)),
    PLAIN: ((0.001, 0.0, 0.008),),
}
REFERENCE_TARGETS = 4500  # that do so
TRIAL_EPOCHS = 3  # of each network, to see how long one takes
SEARCHED = 12  # architectures that a search tries
SEARCHED_STEP_SECONDS = 0.02  # what all genes add to a step of a searched network that reads expression


@dataclass(frozen=True, eq=False)
class PreparedNetworks:
    """What a fold's networks predict for its test lines, by target; `sha256` names their file.

    `outputs` gives a target's column in `predictions`. `failure` says why the networks cannot be used.
    `seconds` are each target's share of their training and of predicting (`tasks.fitting.fold.share_of`).
    """

    fold: Fold
    sha256: str
    outputs: dict[str, int]
    predictions: Float64[np.ndarray, "test targets"]
    failure: str
    seconds: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkFit(BlockFit):
    """One target's share of a fold's networks; `sha256` names their file."""

    sha256: str


def prepare_networks(panel: Panel, fold: Fold, weights: bytes) -> PreparedNetworks:
    """Predict the fold's test lines by the networks in `weights`."""
    shared = networks_of(weights)
    place = {gene: i for i, gene in enumerate(panel.genes)}
    columns = np.array([place[gene] for gene in shared.genes], dtype=np.int64)
    predictions = np.full((len(fold.test), len(shared.targets)), np.nan)
    if not shared.failure and len(fold.test):
        predictions = shared.predict(panel.expression[fold.test][:, columns])
    return PreparedNetworks(
        fold,
        hashlib.sha256(weights).hexdigest(),
        {target: i for i, target in enumerate(shared.targets)},
        predictions,
        shared.failure,
    )


def fit_network_targets(
    panel: Panel, prepared: PreparedNetworks, targets: Sequence[int], settings: MethodSettings
) -> list[NetworkFit | TargetFit]:
    """Every target of a block; the order of `targets` is kept.

    Raises BadInputError for a target that the networks do not predict: not one of the dataset's variable
    ones.
    """
    unknown = [panel.targets[t] for t in targets if panel.targets[t] not in prepared.outputs]
    if unknown:
        raise BadInputError([f"{name}: {settings.method} predicts variable targets only" for name in unknown])
    group = partial(_fit_group, panel, prepared, settings.method)
    return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, group)


def _fit_group(
    panel: Panel,
    prepared: PreparedNetworks,
    method: str,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[NetworkFit]:
    rows = prepared.fold.train[present]
    status, reason = ("failed", prepared.failure) if prepared.failure else ("ok", None)
    return [
        NetworkFit(
            target=target,
            train=rows,
            train_mean=float(np.mean(y)),
            method=method,
            test=prepared.fold.test,
            predictions=prepared.predictions[:, prepared.outputs[panel.targets[target]]],
            seconds=prepared.seconds,
            status=status,
            reason=reason,
            sha256=prepared.sha256,
        )
        for target, y in zip(targets, effect.T, strict=True)
    ]


class SharedNetworksMethod(Method):
    """Networks of all variable targets of the dataset, trained once a fold by an actor of their own."""

    uses_gpu = True
    checkpoints = True
    trial_share = 0.05
    stores_models = True
    reads = frozenset({"search_architecture", "nested_search"})
    models_only = "it models targets with a sd above 0.1"
    predicts_from = "all genes"
    unknown_genes = "with the training mean for those"
    checksum_fields = (*BASIC_CHECKSUM, "method", "parameters")

    def __init__(self, name: str, help_line: str) -> None:
        self.name = name
        self.help = help_line

    def targets(self, classes: Mapping[str, str], chosen: Sequence[str]) -> list[str]:
        """Those that vary over all lines of the dataset."""
        return [name for name in chosen if classes[name] == VARIABLE]

    def notes(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """A search on the first fold is not nested."""
        if settings.search != "once":
            return []
        return [
            "--search-architecture: the first fold chooses for all, so the scores are not nested (its "
            "training lines are other folds' test lines); --nested-search chooses in each"
        ]

    def fold_tasks(self, folds: Sequence[int], settings: MethodSettings) -> list[FoldTask]:
        """The searches, then the networks."""
        searched = sorted({_searched_fold(fold, settings) for fold in folds})
        searches = [FoldTask(SEARCH, fold) for fold in searched] if settings.search != "none" else []
        return searches + [FoldTask(FIT, fold) for fold in folds]

    def dependencies(self, task: FoldTask, settings: MethodSettings) -> tuple[FoldTask, ...]:
        """Targets read their fold's networks; those their architecture, if it was searched for."""
        if task.work == TARGETS:
            return (FoldTask(FIT, task.fold),)
        if task.work == FIT and settings.search != "none":
            return (FoldTask(SEARCH, _searched_fold(task.fold, settings)),)
        return ()

    def work_on_fold(self, job: FoldJob) -> FoldResult:
        """Train the fold's networks, or search for their architecture."""
        if job.work == SEARCH:
            return search_fold(
                job.panel,
                job.fold,
                job.settings,
                job.settings.search == "nested",
                job.resume_from,
                job.on_checkpoint,
            )
        hidden = self._chosen(job.committed[0]) if job.committed else None
        design = design_of(job.settings, job.fold, hidden)
        return train_fold(job.panel, job.fold, job.settings, design, job.resume_from, job.on_checkpoint)

    def try_on_fold(self, job: FoldJob) -> tuple[FoldResult, float]:
        """A few epochs of each network; reckoned from them, as many as it usually trains for."""
        design = design_of(job.settings, job.fold, schedule=Schedule(epochs=TRIAL_EPOCHS))
        result = train_fold(job.panel, job.fold, job.settings, design)
        took = result.tables["networks"].column("seconds").to_pylist()
        usual = usual_epochs(self.name, len(job.panel.genes))
        seconds = sum(each * epochs for each, epochs in zip(took, usual, strict=True)) / TRIAL_EPOCHS
        if job.work == SEARCH:
            size = DataSize(len(job.panel.genes), len(job.panel.cell_lines), variable=len(job.panel.variable))
            cost = self.cost(size, job.settings).fold_work
            seconds *= cost[SEARCH] / cost[FIT]
        return result, seconds

    def _chosen(self, search: CommittedWork) -> tuple[int, ...] | None:
        """The hidden layers that a search has chosen; None where all it tried failed."""
        rows = search.rows("searches").to_pylist()
        chosen = [row for row in rows if row["chosen"] and row["network"] == STAGES[self.name][-1]]
        return (chosen[0]["units"],) * chosen[0]["hidden_layers"] if chosen else None

    def prepare(
        self, panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork]
    ) -> PreparedNetworks:
        """What the fold's networks predict for its test lines."""
        (networks,) = committed
        trained = float(sum(networks.rows("networks").column("seconds").to_pylist()))
        return replace(prepare_networks(panel, fold, networks.file()), seconds=trained)

    def fit(
        self, panel: Panel, prepared: PreparedNetworks, targets: Sequence[int], settings: MethodSettings
    ) -> list[NetworkFit | TargetFit]:
        """Each target's share of the predictions."""
        return fit_network_targets(panel, prepared, targets, settings)

    def final_model(self, panel: Panel, prepared: PreparedNetworks, fit: NetworkFit) -> Row:
        """The networks are many targets' model: a file of their own, named by its sha256."""
        return {"parameters": as_json({"networks": fit.sha256})}

    def predict(
        self, rows: Rows, place: Mapping[str, int], expression: np.ndarray, files: ModelFiles
    ) -> Predictions:
        """By the networks trained on all lines."""
        return predict_by_networks(rows, place, expression, files)

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """Networks are taken to stop when they usually do; predictions cost next to nothing.

        A worker holds torch, lines as networks take them, and weights with gradients and moments.
        """
        high = size.n_variable / REFERENCE_TARGETS
        epochs = usual_epochs(self.name, size.genes)
        steps_of = [step + more * size.wide + most * high for step, more, most in TRAINING_SECONDS[self.name]]
        *coders, last = (number * seconds for number, seconds in zip(epochs, steps_of, strict=True))
        more = SEARCHED_STEP_SECONDS * size.wide if self.name == PLAIN else 0.0
        searched = SEARCHED * (last + epochs[-1] * more)
        steps = size.share * size.cell_lines / Schedule().batch
        trained = 4 * size.genes * (5 * size.cell_lines + 8 * 2 * EXPRESSION_UNITS)
        return Cost(
            target=ROW_SECONDS,
            fold_work={FIT: (sum(coders) + last) * steps, SEARCH: (sum(coders) + searched) * steps},
            fold_bytes=8 * size.genes * size.cell_lines,  # predictions of at most as many targets as genes
            worker_bytes=2 * WORKER_BYTES + trained,
        )


def usual_epochs(method: str, genes: int) -> tuple[float, ...]:
    """For how many epochs each network of a fold usually trains, in their order.

    That of expression stops the sooner the more genes it learns from: after 264 epochs with 508 real genes,
    57 with 6000 simulated ones and 36 with 15 800; that of dependency after 84 with 4042 real targets, and 68
    and 43 with 1600 and 4800 simulated ones. Real data of 16 000 genes and more than a few lines were not at
    hand.
    """
    few, many = 280 * (500 / max(genes, 1)) ** 0.9, 60 * (6000 / max(genes, 6000)) ** 0.5
    return {"latent": (min(max(few, many), 300.0), 65, 25), PLAIN: (60,)}[method]


def _searched_fold(fold: int, settings: MethodSettings) -> int:
    """The fold whose training lines the architecture of a fold's networks is searched on."""
    return fold if settings.search == "nested" else FIRST_FOLD


METHODS: tuple[Method, ...] = (
    SharedNetworksMethod("latent", "autoencoders of expression and dependency, and a network between them"),
    SharedNetworksMethod(PLAIN, "one network from expression to all dependencies"),
)
