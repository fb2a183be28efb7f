"""What a method is: everything that is particular to one name of `--method`, in one object.

Nothing else in the house names a method. A method is an object of a class derived from `Method`, listed in
`METHODS` of a module of this package, or of another installed package under the entry point
`knockcast.methods`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from modeling.folds import Fold, Scheme
from modeling.networks.shared_networks import OnCheckpoint, TrainingCheckpoint
from tasks.dataset.dataset import Dataset
from tasks.fitting.fit import Fit
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.methods.cost import Cost, DataSize
from tasks.scoring.model_rows import BASIC_CHECKSUM, ModelFiles, Predictions, Rows

TARGETS, FIT, SEARCH = "", "fit", "search"  # kinds of work: on targets; on a whole fold; before that


class FoldTask(NamedTuple):
    """One kind of work in one fold: `TARGETS`, or work on the fold as a whole, which is committed once."""

    work: str
    fold: int


class Prepared(Protocol):
    """What all targets of one method in one fold share; a frozen dataclass with these fields and others."""

    @property
    def fold(self) -> Fold:
        """The fold."""

    @property
    def seconds(self) -> float:
        """Each target's share of the core-seconds that preparing took (`tasks.fitting.fold.share_of`)."""


class CommittedWork(Protocol):
    """What fold-level work that was committed before gave; every byte is checked when it is read."""

    def rows(self, table: str) -> pa.Table:
        """Its rows of one table."""

    def file(self) -> bytes:
        """Its one file that is no table."""


@dataclass(frozen=True, eq=False)
class FoldJob:
    """One piece of fold-level work.

    `extra` is what the method's `load` took from the Dataset; `committed` are the results of its dependencies
    in their order. Work that a method checkpoints goes on from `resume_from`, and gives `on_checkpoint` the
    state to keep.
    """

    work: str
    panel: Panel
    fold: Fold
    settings: MethodSettings
    extra: Any = None
    committed: Sequence[CommittedWork] = ()
    resume_from: TrainingCheckpoint | None = None
    on_checkpoint: OnCheckpoint | None = None


class Method:
    """A method: the protocol, and what most methods have in common.

    Derive from it, set `name` and `help`, and override what differs.

    Target-level methods (`fits = "targets"`) need `prepare`, `fit` and `cost`; with `stores_models` also
    `final_model` and `predict`. Fold-level methods (`fits = "folds"`) need `work_on_fold` and `cost`.
    `not_overridden` names what is missing of these; the registry refuses a method that lacks any.
    Instances hold no state: one serves every run, and workers find it by its name.
    """

    name: str
    help: str  # one line, for --help and the documentation

    fits: Literal["targets", "folds"] = "targets"
    folds_over: str = "cell lines"  # what is split into folds
    schemes: tuple[Scheme, ...] = ("kfold", "split", "lineage")
    can_stratify: bool = False  # each target in quantile-stratified folds of its own
    reads: frozenset[str] = frozenset()  # options beside seed, scheme and folds that change its results
    uses_gpu: bool = False  # on device cuda
    checkpoints: bool = False  # its fold-level work takes long and goes on after a crash
    trial_share: float = 1.0  # how much of its fold-level work `try_on_fold` does

    models_only: str = "it models every target"  # which targets, for the message on those it does not
    stores_models: bool = False  # of all lines, for `predict`
    needs_training_expression: bool = False  # its models compare samples with the training lines
    predicts_from: Literal["modifiers", "all genes"] = "modifiers"
    unknown_genes: str = ""  # what a model on all genes does about those that a sample does not know
    ranks_drugs: bool = False  # its final model ranks drugs for new samples; it predicts no targets
    cannot_predict: str = ""  # why `predict` cannot use its models, for the message
    checksum_fields: tuple[str, ...] = BASIC_CHECKSUM  # of a row of `models`: what predictions are made of

    def not_overridden(self) -> list[str]:
        """What this method must override and does not."""
        needed = ["cost", *(("prepare", "fit") if self.fits == "targets" else ("work_on_fold",))]
        if self.fits == "targets" and self.stores_models:
            needed += ["final_model", "predict"]
        return [name for name in needed if getattr(type(self), name) is getattr(Method, name)]

    def check(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """All that keeps this Dataset from being modelled."""
        del dataset, settings
        return []

    def notes(self, dataset: Dataset, settings: MethodSettings) -> list[str]:
        """What a user should know before the run starts."""
        del dataset, settings
        return []

    def targets(self, classes: Mapping[str, str], chosen: Sequence[str]) -> list[str]:
        """Of the targets chosen, those it models; `classes` gives the class of every target."""
        del classes
        return list(chosen) if self.fits == "targets" else []

    def fold_tasks(self, folds: Sequence[int], settings: MethodSettings) -> list[FoldTask]:
        """The fold-level work to do in these folds, what others depend on first."""
        del settings
        return [FoldTask(FIT, fold) for fold in folds] if self.fits == "folds" else []

    def dependencies(self, task: FoldTask, settings: MethodSettings) -> tuple[FoldTask, ...]:
        """The fold-level work whose commits this work reads."""
        del task, settings
        return ()

    def load(self, dataset: Dataset) -> Any:
        """What its fold-level work needs of the Dataset beside the panel; sent to every node once."""
        del dataset
        return None

    def prepare(
        self, panel: Panel, fold: Fold, settings: MethodSettings, committed: Sequence[CommittedWork]
    ) -> Prepared:
        """What all targets of a fold share, from its training lines alone.

        Its `seconds` are core-seconds that others spent for it (0.0 if none).
        """
        raise NotImplementedError

    def fit(
        self, panel: Panel, prepared: Any, targets: Sequence[int], settings: MethodSettings
    ) -> Sequence[Fit]:
        """Fit a block of targets (columns of the panel's effect), in their order.

        A target's result must not depend on which others are in the block.
        """
        raise NotImplementedError

    def work_on_fold(self, job: FoldJob) -> FoldResult:
        """Do one piece of fold-level work."""
        raise NotImplementedError

    def try_on_fold(self, job: FoldJob) -> tuple[FoldResult, float]:
        """Fold-level work, or a trial of it, and the core-seconds that all of it takes here."""
        begun = time.thread_time()
        result = self.work_on_fold(job)
        return result, time.thread_time() - begun

    def final_model(self, panel: Panel, prepared: Any, fit: Any) -> dict[str, Any]:
        """What a target's predictions are made of, as columns of `models`; `fit` is of the final fold."""
        raise NotImplementedError

    def predict(
        self, rows: Rows, place: Mapping[str, int], expression: np.ndarray, files: ModelFiles
    ) -> Predictions:
        """New samples by rows of `models` (all with a model).

        `place` gives the column of a gene in `expression` (samples x genes, float32, NaN is not known).
        """
        raise NotImplementedError

    def cost(self, size: DataSize, settings: MethodSettings) -> Cost:
        """What its work takes, estimated."""
        raise NotImplementedError
