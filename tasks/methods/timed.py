"""What a method's work on one fold takes here and now, piece by piece as `cost.Cost` counts it."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from modeling.folds import Fold
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.cost import Cost
from tasks.methods.in_memory import fold_work_here, read_by_targets
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import run_shard


def timed(
    panel: Panel,
    folds: Mapping[int, Fold],
    fold: int,
    settings: MethodSettings,
    blocks: Iterable[Sequence[int]],
    seconds: float,
) -> Cost:
    """Do the work of one method (the settings') in one fold, for some of its targets, and time it.

    Core-seconds of this thread: what else the machine does counts only as far as it slows cores. Fold-level
    work is tried (`Method.try_on_fold`). Targets (columns of the panel's effect) are fitted a block at a time
    until `seconds` have passed since the beginning, one block at least; their mean counts, 0 where there are
    none. Bytes are not measured.
    """
    end = time.monotonic() + seconds
    method = method_named(settings.method)
    done = fold_work_here(method, panel, folds, fold, settings, trial=True)
    pieces: Counter[str] = Counter()
    for task, piece in done.items():
        pieces[task.work] += piece.seconds  # type: ignore[assignment]  # seconds, not whole numbers
    if method.fits == "folds":
        return Cost(fold_work=dict(pieces))
    begun = time.thread_time()
    committed = read_by_targets(method, done, fold, settings)
    prepared = prepare_method_fold(panel, folds[fold], settings, committed)
    ready = time.thread_time()
    fitted = 0
    for block in blocks:
        run_shard(panel, prepared, block, settings)
        fitted += len(block)
        if time.monotonic() > end:
            break
    each = (time.thread_time() - ready) / max(1, fitted)
    return Cost(target=each, preparation=ready - begun, fold_work=dict(pieces))
