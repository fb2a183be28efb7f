"""Predictions out of fold: from a store that `cluster.run` made, or fold by fold in this process."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cluster import run
from cluster.runs.methods import settings_of
from cluster.runs.options import checked_options
from cluster.store.reader import StoreReader
from cluster.views.genes import of_method
from modeling.folds import Fold
from modeling.selection.association import one_blas_thread
from tasks.dataset.dataset import Dataset
from tasks.fitting.fold import MethodSettings, Panel, panel_of, target_indices
from tasks.methods.in_memory import fold_work_here, read_by_targets
from tasks.methods.method import Method
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import run_shard
from tests.benchmarks.study.measures import Block, OutOfFold
from tests.benchmarks.study.variants import Variant

SCORED = ("method", "target", "fold", "train_mean", "seconds")
COLUMNS = ("target", "cell_line", "fold", "predicted")
TARGETS_AT_ONCE = 500


def run_into_store(
    dataset: Dataset, store: Path, variant: Variant, targets: Sequence[str], seed: int, workers: int
) -> OutOfFold:
    """A whole run of `kfold` (what of it is in the store is not done again), and its predictions."""
    store.parent.mkdir(parents=True, exist_ok=True)
    asked: dict[str, Any] = {"methods": (variant.method,), "targets": list(targets), "final": False}
    run(dataset.path, store, seed=seed, workers=workers, **asked, **variant.options)
    reader = StoreReader.open(store)
    if not reader.is_sealed():
        sys.exit(f"{store}: the run was stopped; nothing is scored, and the same command goes on with it")
    scores = of_method(reader.table("scores", SCORED), variant.method)
    parts = [part for _, part in reader.parts("predictions", COLUMNS, method=variant.method)]
    return out_of_fold(panel_of(dataset), targets, scores, pa.concat_tables(parts))


def settings_for(variant: Variant, seed: int) -> MethodSettings:
    """As a run with these options would have them."""
    options = checked_options(methods=(variant.method,), seed=seed, device="cpu", **variant.options)
    return settings_of(options, variant.method)


def run_folds(
    panel: Panel,
    folds: Sequence[Fold],
    settings: MethodSettings,
    targets: Sequence[str],
    method: Method | None = None,
) -> OutOfFold:
    """The same without a store, on any folds; `method` may be one that is not registered."""
    found: list[dict[str, pa.Table]] = []
    columns = target_indices(panel, targets)
    with one_blas_thread():
        for fold in folds:
            used = method or method_named(settings.method)
            prepared = _prepared(panel, fold, settings, used, method is None)
            for start in range(0, len(columns), TARGETS_AT_ONCE):
                block = columns[start : start + TARGETS_AT_ONCE]
                found.append(run_shard(panel, prepared, block, settings, used).tables)
    scores, predictions = (pa.concat_tables([t[name] for t in found]) for name in ("scores", "predictions"))
    return out_of_fold(panel, targets, scores, predictions.select(COLUMNS))


def _prepared(panel: Panel, fold: Fold, settings: MethodSettings, method: Method, registered: bool) -> Any:
    done = fold_work_here(method, panel, {fold.number: fold}, fold.number, settings)
    committed = read_by_targets(method, done, fold.number, settings)
    if registered:
        return prepare_method_fold(panel, fold, settings, committed)
    return replace(method.prepare(panel, fold, settings, committed), seconds=0.0)


def out_of_fold(panel: Panel, targets: Sequence[str], scores: pa.Table, predictions: pa.Table) -> OutOfFold:
    """Rows of `scores` and `predictions` of one method as matrices, fold by fold.

    What is measured comes from the panel, so that a target without predictions is not left out.
    """
    numbers = np.unique(np.asarray(scores.column("fold")))
    place = {name: i for i, name in enumerate(targets)}
    mean = np.full((len(numbers), len(targets)), np.nan)
    at = np.searchsorted(numbers, np.asarray(scores.column("fold")))
    mean[at, _places(scores.column("target"), place)] = _real(scores, "train_mean")
    line = _places(predictions.column("cell_line"), {name: i for i, name in enumerate(panel.cell_lines)})
    target, fold = _places(predictions.column("target"), place), np.asarray(predictions.column("fold"))
    effect = panel.effect[:, target_indices(panel, targets)]
    blocks = []
    for number, means in zip(numbers, mean, strict=True):
        mine = fold == number
        lines, row = np.unique(line[mine], return_inverse=True)
        predicted = np.full((len(lines), len(targets)), np.nan)
        predicted[row, target[mine]] = _real(predictions, "predicted")[mine]
        blocks.append(Block(lines, effect[lines].astype(np.float64), predicted, means))
    seconds = float(np.nanmean(_real(scores, "seconds")))
    return OutOfFold(tuple(panel.cell_lines), tuple(targets), tuple(blocks), seconds)


def _places(column: pa.ChunkedArray, place: dict[str, int]) -> np.ndarray:
    encoded = column.combine_chunks().dictionary_encode()
    known = np.array([place[name] for name in encoded.dictionary.to_pylist()], dtype=np.int64)
    return known[np.asarray(encoded.indices)]


def _real(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy().astype(np.float64, copy=False)
