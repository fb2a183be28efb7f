"""What a fold's targets teach together, learned once: a file for all its shards, and two tables about it."""

import time

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int64

from modeling.borrowing.shared import Shared, fit_shared, neighbours
from modeling.borrowing.teaching import INNER_SHARE, teaches
from modeling.folds import FINAL_FOLD, Fold
from modeling.kernels.kernels import FEWEST_TARGETS, Laplacian, choose_laplacian
from tasks.artifacts.borrowed import borrowed_bytes
from tasks.borrowing.lines import compare_training_lines, inner_rows
from tasks.fitting.fold import FoldResult, MethodSettings, Panel, varying_targets
from tasks.fitting.rows import Row
from tasks.tables.schemas import table_of

NEIGHBOURS = 10  # rows of `modules` for each target


def teaching_targets(panel: Panel, fold: Fold) -> Int64[np.ndarray, " targets"]:
    """Columns of the targets that teach: those that vary over the training lines and are measured on most.

    They are the dataset's, not those of the run or the shard.
    """
    columns = varying_targets(panel, fold)
    return columns[teaches(panel.effect[np.ix_(fold.train, columns)])]


def learn_fold(panel: Panel, fold: Fold, settings: MethodSettings) -> FoldResult:
    """Choose the kernel, and learn what targets share: on all training lines, and on each inner fold's."""
    begun = time.thread_time()
    columns = teaching_targets(panel, fold)
    effects = panel.effect[fold.train][:, columns].astype(np.float64)
    distances = compare_training_lines(panel, fold)
    kernel = choose_laplacian(distances, _complete(effects))
    within = kernel.of(distances)
    whole = fit_shared(within, effects)
    inner = [
        fit_shared(within[np.ix_(train, train)], _varying(effects[train]))
        for train, _ in inner_rows(len(fold.train), settings, fold)
    ]
    names = [panel.targets[t] for t in columns]
    data = borrowed_bytes(kernel, names, whole, inner)
    key = {"method": settings.method, "fold": fold.number}
    row = key | _summary(kernel, whole, len(fold.train), time.thread_time() - begun)
    tables = {"borrowing": table_of("borrowing", [row])}
    if fold.number == FINAL_FOLD:
        tables["modules"] = _modules(settings.method, names, whole, effects)
    return FoldResult(tables, {"safetensors": data})


def _complete(effects: Float64[np.ndarray, "lines targets"]) -> Float64[np.ndarray, "lines targets"]:
    """The targets that choose the kernel: those measured on every line."""
    return effects[:, np.isfinite(effects).all(axis=0)]


def _varying(effects: Float64[np.ndarray, "lines targets"]) -> Float64[np.ndarray, "lines targets"]:
    """Without the targets that are constant, or hardly measured, on an inner fold's lines."""
    return effects[:, teaches(effects, INNER_SHARE)]


def _summary(kernel: Laplacian, shared: Shared, lines: int, seconds: float) -> Row:
    targets = len(shared.loadings)
    return {
        **kernel.parameters(),
        "n_train": lines,
        "targets": targets,
        "components": len(shared.skill),
        "predicted_components": float(f"{shared.skill.sum():.12g}"),
        "borrows": targets >= FEWEST_TARGETS,
        "seconds": seconds,
    }


def _modules(
    method: str, names: list[str], shared: Shared, effects: Float64[np.ndarray, "lines targets"]
) -> pa.Table:
    """Each target's rows of `modules`: the targets it borrows from; none where nothing is borrowed."""
    if len(names) < FEWEST_TARGETS:
        return table_of("modules", [])
    columns, weights = neighbours(shared, NEIGHBOURS)
    rows: list[Row] = []
    for t, (others, weight) in enumerate(zip(columns, weights, strict=True)):
        rows.append(
            {
                "method": method,
                "target": names[t],
                "codependent": np.array([names[s] for s in others], dtype=object),
                "weight": weight,
                "pearson": np.array([_correlation(effects[:, t], effects[:, s]) for s in others]),
                "rank": np.arange(1, len(others) + 1),
            }
        )
    return table_of("modules", rows)


def _correlation(a: Float64[np.ndarray, " lines"], b: Float64[np.ndarray, " lines"]) -> float:
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")
