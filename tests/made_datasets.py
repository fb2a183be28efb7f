"""Small Datasets of invented numbers, made to have something to model, and to plant things in."""

from pathlib import Path

import numpy as np

from tasks.dataset.dataset import write_dataset

GENES = tuple(f"G{i}" for i in range(10))
TARGETS = GENES[:6]


def made_matrices(lines: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Expression of 10 genes, and an effect that follows each of the first 6 of them."""
    rng = np.random.default_rng(seed)
    expression = rng.gamma(2.0, 1.5, (lines, len(GENES))).astype(np.float32)
    effect = 0.5 * expression[:, : len(TARGETS)] + rng.standard_normal((lines, len(TARGETS)))
    return expression, effect.astype(np.float32)


def made_dataset(path: Path, expression: np.ndarray, effect: np.ndarray) -> Path:
    lines = [f"ACH-{i:06d}" for i in range(len(expression))]
    write_dataset(path, expression=expression, effect=effect, cell_lines=lines, genes=GENES, targets=TARGETS)
    return path


def tiny_dataset(path: Path) -> Path:
    """48 lines; three patterns of missing lines, two targets of one of them, and one target of noise."""
    expression, effect = made_matrices(48)
    effect[:6, [1, 3]] = np.nan
    effect[20:25, 4] = np.nan
    effect[:, 5] = np.random.default_rng(1).standard_normal(48)
    return made_dataset(path, expression, effect)
