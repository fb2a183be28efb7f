"""The search for the architecture of a fold's shared networks, as the table `searches`."""

from dataclasses import replace

from modeling.folds import Fold
from modeling.networks.architecture_search import Tried, numbers_of, search_network, tried_of
from modeling.networks.shared_networks import STAGES, OnCheckpoint, TrainingCheckpoint
from modeling.networks.training_state import Schedule
from tasks.fitting.fold import FoldResult, Panel
from tasks.fitting.rows import Row
from tasks.fitting.settings import MethodSettings
from tasks.networks.training import design_of, fold_seed, vectors_of
from tasks.tables.schemas import table_of


def search_fold(
    panel: Panel,
    fold: Fold,
    settings: MethodSettings,
    nested: bool,
    begun: TrainingCheckpoint | None = None,
    keep: OnCheckpoint | None = None,
    schedule: Schedule | None = None,
) -> FoldResult:
    """Try a dozen architectures on a fold's training lines; one row each, the winner `chosen`.

    `nested` says whether the winner is used in this fold alone. `keep` is given where the search stands:
    while autoencoders train, and after each architecture; from there `begun` goes on.
    """
    lines = vectors_of(panel, fold, fold_seed(settings, fold)).lines
    network = STAGES[settings.method][-1]
    going_on = _Search(begun or TrainingCheckpoint(), network, keep)
    tried = search_network(
        lines,
        design_of(settings, fold, schedule=schedule),
        resume_from=begun,
        on_checkpoint=going_on.coders,
        already={} if begun is None or begun.tried is None else tried_of(begun.tried),
        after=going_on.after,
    )
    named = {"method": settings.method, "fold": fold.number, "network": network, "nested": nested}
    chosen = any(each.chosen for each in tried)
    rows = [named | _row(each) for each in tried]
    return FoldResult({"searches": table_of("searches", rows)}, {}, "ok" if chosen else "failed")


class _Search:
    """Where a search stands: the autoencoders, and what was tried on their codes."""

    def __init__(self, begun: TrainingCheckpoint, network: str, keep: OnCheckpoint | None) -> None:
        self._standing = begun
        self._network = network
        self._keep = keep

    def coders(self, name: str, standing: TrainingCheckpoint) -> None:
        """As `modeling.networks.shared_networks.OnCheckpoint`."""
        self._standing = standing
        if self._keep is not None:
            self._keep(name, standing)

    def after(self, tried: Tried) -> None:
        """One architecture was tried."""
        before = [] if self._standing.tried is None else list(tried_of(self._standing.tried).values())
        self._standing = replace(self._standing, state=None, tried=numbers_of([*before, tried]))
        if self._keep is not None:
            self._keep(self._network, self._standing)


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
