"""The search for the architecture of a fold's shared networks, as the table `searches`."""

from dataclasses import replace

from modeling.folds import Fold
from modeling.networks.architecture_search import Tried, numbers_of, search_network, tried_of
from modeling.networks.shared_networks import STAGES, OnCheckpoint, TrainingCheckpoint
from modeling.networks.training_state import Schedule
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.fitting.rows import Row
from tasks.networks.training import design_of, fold_seed, vectors_of
from tasks.tables.schemas import table_of


def search_fold(
    panel: Panel,
    fold: Fold,
    settings: MethodSettings,
    nested: bool,
    resume_from: TrainingCheckpoint | None = None,
    on_checkpoint: OnCheckpoint | None = None,
    schedule: Schedule | None = None,
) -> FoldResult:
    """Try a dozen architectures on a fold's training lines; one row each, the winner `chosen`.

    `nested` says whether the winner is used in this fold alone. `on_checkpoint` gets how far the search is:
    while autoencoders train, and after each architecture; `resume_from` continues from there.
    """
    lines = vectors_of(panel, fold, fold_seed(settings, fold)).lines
    network = STAGES[settings.method][-1]
    progress = _Search(resume_from or TrainingCheckpoint(), network, on_checkpoint)
    tried = search_network(
        lines,
        design_of(settings, fold, schedule=schedule),
        resume_from=resume_from,
        on_checkpoint=progress.coders,
        already={} if resume_from is None or resume_from.tried is None else tried_of(resume_from.tried),
        after=progress.after,
    )
    named = {"method": settings.method, "fold": fold.number, "network": network, "nested": nested}
    chosen = any(each.chosen for each in tried)
    rows = [named | _row(each) for each in tried]
    return FoldResult({"searches": table_of("searches", rows)}, {}, "ok" if chosen else "failed")


class _Search:
    """How far a search is: the autoencoders, and what was tried on their codes."""

    def __init__(
        self, resume_from: TrainingCheckpoint, network: str, on_checkpoint: OnCheckpoint | None
    ) -> None:
        self._checkpoint = resume_from
        self._network = network
        self._on_checkpoint = on_checkpoint

    def coders(self, name: str, checkpoint: TrainingCheckpoint) -> None:
        """As `modeling.networks.shared_networks.OnCheckpoint`."""
        self._checkpoint = checkpoint
        if self._on_checkpoint is not None:
            self._on_checkpoint(name, checkpoint)

    def after(self, tried: Tried) -> None:
        """One architecture was tried."""
        before = [] if self._checkpoint.tried is None else list(tried_of(self._checkpoint.tried).values())
        self._checkpoint = replace(self._checkpoint, state=None, tried=numbers_of([*before, tried]))
        if self._on_checkpoint is not None:
            self._on_checkpoint(self._network, self._checkpoint)


def _row(tried: Tried) -> Row:
    return {
        "hidden_layers": tried.configuration.hidden_layers,
        "units": tried.configuration.units,
        "weights": tried.weights,
        "values": tried.values,
        "epochs": tried.epochs,
        "validation_loss": tried.judged_loss,
        "chosen": tried.chosen,
        "seconds": tried.seconds,
    }
