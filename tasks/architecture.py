"""The search for the architecture of a fold's shared networks, as the table `searches`."""

from modeling.architecture_search import Tried, search_network
from modeling.folds import Fold
from modeling.shared_networks import STAGES, Keep, Standing
from tasks.fold import Panel
from tasks.rows import Row
from tasks.settings import ShardSettings
from tasks.shared_training import WholeResult, design_of, fold_seed, vectors_of
from tasks.tables import table_of


def search_fold(
    panel: Panel,
    fold: Fold,
    settings: ShardSettings,
    nested: bool,
    begun: Standing | None = None,
    keep: Keep | None = None,
) -> WholeResult:
    """Try a dozen architectures on a fold's training lines; one row each, the winner `chosen`.

    `nested` says whether the winner is used in this fold alone. `begun` and `keep` as in `search_network`.
    """
    lines = vectors_of(panel, fold, fold_seed(settings, fold)).lines
    tried = search_network(lines, design_of(settings, fold), begun=begun, keep=keep)
    named = {"method": settings.method, "fold": fold.number, "network": STAGES[settings.method][-1]}
    rows = [named | {"nested": nested} | _row(each) for each in tried]
    chosen = any(each.chosen for each in tried)
    return WholeResult({"searches": table_of("searches", rows)}, {}, "ok" if chosen else "failed")


def _row(tried: Tried) -> Row:
    return {
        "hidden_layers": tried.configuration.hidden_layers,
        "units": tried.configuration.units,
        "weights": tried.weights,
        "epochs": tried.epochs,
        "validation_loss": tried.validation_loss,
        "chosen": tried.chosen,
        "seconds": tried.seconds,
    }
