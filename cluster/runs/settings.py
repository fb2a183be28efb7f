"""What each method reads of a run's options."""

from cluster.runs.fields import RunOptions
from tasks.fitting.settings import MethodSettings
from tasks.methods.registry import method_named


def settings_of(options: RunOptions, method: str) -> MethodSettings:
    """The settings of one method in a run."""
    return MethodSettings(
        method=method,
        candidates=options.candidates,
        selection=options.selection,
        seed=options.seed,
        device=options.runs_on if method_named(method).uses_gpu else "cpu",
        stratified=options.folds if options.stratified else None,
        folds=options.folds,
        search=options.search,
    )
