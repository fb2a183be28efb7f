"""Expression and effects that modifier selection is tested on."""

from pathlib import Path

import numpy as np
import pandas as pd


def nasty_pair() -> tuple[np.ndarray, np.ndarray]:
    """Few values, copies, mirrors, constants; targets equal to a gene, in levels, skewed, constant."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 90)).astype(np.float32)
    x[:, 3] = 0.1
    x[:, 4], x[:, 6] = x[:, 5], -x[:, 5]
    x[:, 7], x[:, 8] = np.round(x[:, 7]), x[:, 8] > 2
    x[:, 9] = np.maximum(x[:, 9], 1)
    x[:, 60:] = x[:, [5]] + rng.standard_normal((60, 30)) * np.linspace(0.05, 2, 30)
    y = rng.standard_normal((60, 36)) + np.repeat(x[:, 20:32], 3, axis=1)
    y[:, 0] = x[:, 5]
    y[:, 1] = x[:, 5] + 1e-7 * y[:, 1]
    y[:, 2] = 0.3
    y[:, 3] = np.round(x[:, 5] + x[:, 10])
    y[:, 4] = x[:, 5] > 1.2
    y[:, 5] = np.minimum(x[:, 5], -1.2)
    y[:, 6:12] = np.round(y[:, 6:12] + x[:, [5]])
    y[:, 12] = np.exp(4 * y[:, 12])
    return x, y


def real_pair(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Shared lines; genes known on 90% of them, then lines without a gap (983 x 535)."""
    expression = pd.read_parquet(folder / "expression.parquet")
    levels = pd.read_parquet(folder / "gene_dependency_level_22q1.parquet")
    shared = expression.index.intersection(levels.index)
    expression = expression.loc[shared]
    expression = expression.loc[:, expression.notna().mean() >= 0.9].dropna()
    levels = levels.loc[expression.index].astype("float64")
    return expression.to_numpy(np.float32), levels.to_numpy(np.float64)
