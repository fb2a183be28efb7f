"""The bare matrix products that `best` and `quick` are made of, in core-seconds of one thread."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from modeling.borrowing.gate_ranking import GENE_TILE
from modeling.borrowing.shared import PENALTIES, SHARED_PENALTIES
from modeling.kernels.kernels import GRID, MOST_TARGETS, Laplacian
from modeling.kernels.ridge import TILE_TARGETS
from tasks.borrowing.preparing import PreparedBest
from tasks.fitting.modifiers import PreparedFold

SELECTED_AT_ONCE = 256
REPEATS = 20  # of one product
OWN = len(PENALTIES) + 2  # of a target on a kernel: project, an error by each penalty, solve
ALIKE = len(SHARED_PENALTIES) + 2  # of a component, or a target on the second kernel
LEFT_OUT, TAUGHT = (
    3,
    4,
)  # of a target that teaches: project, solve, diagonal; two kernels, loadings, second kernel
Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """The result, and this thread's core-seconds."""
    begun = time.thread_time()
    result = work()
    return result, time.thread_time() - begun


def bare_fold_level(prepared: PreparedBest, teaching: int) -> float:
    """Seconds of a fold's products: of each kernel tried, and of what `teaching` targets teach."""
    lines = len(prepared.fold.train)
    tried = len(GRID) * (1 + len(Laplacian.penalties)) * min(MOST_TARGETS, teaching) * _column(lines)
    sizes = [lines, *(len(fold.train) for fold in prepared.inner)]
    taught = (OWN + LEFT_OUT + TAUGHT) * teaching
    return tried + sum((taught + ALIKE * size) * _column(size) for size in sizes)


def bare_target(prepared: PreparedBest) -> float:
    """Seconds of one target of `best`: its stages in float64, and the ranking of genes in float32."""
    lines = len(prepared.fold.train)
    count = OWN + ALIKE + 3  # two to borrow, one onto the second kernel
    seconds = count * (_column(lines) + sum(_column(len(fold.train)) for fold in prepared.inner))
    genes = prepared.genes.values
    tile = genes[:GENE_TILE]
    both = np.random.default_rng(0).standard_normal((lines, 2 * TILE_TARGETS), dtype=np.float32)
    ranked = timed(lambda: [tile @ both for _ in range(REPEATS)])[1] / REPEATS
    return seconds + ranked * len(genes) / len(tile) / TILE_TARGETS


def bare_selection(prepared: PreparedFold) -> float:
    """Seconds of one target of `quick`: two float32 products with all genes, many targets at once."""
    genes = prepared.prepared.standardised.astype(np.float32)
    targets = np.random.default_rng(0).standard_normal((SELECTED_AT_ONCE, genes.shape[1]), dtype=np.float32)
    return 2 * timed(lambda: targets @ genes.T)[1] / SELECTED_AT_ONCE


def _column(lines: int) -> float:
    """Of lines x lines with one column, many at once."""
    left = np.random.default_rng(0).standard_normal((lines, lines))
    right = np.random.default_rng(1).standard_normal((lines, TILE_TARGETS))
    return timed(lambda: [left @ right for _ in range(REPEATS)])[1] / REPEATS / TILE_TARGETS
