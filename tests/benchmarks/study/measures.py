"""Out-of-fold predictions as matrices, and what is read off them: r, RMSE gain, ranking of dependencies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.statistics.ndcg import ranked

THRESHOLDS = (0.2, 0.3, 0.4)
CONSTANT = 1e-12  # a variance below this share of the mean square is rounding


@dataclass(frozen=True, eq=False)
class Block:
    """One fold's test lines: rows of `measured` and `predicted` (lines x targets, NaN where there is none).

    `lines` are positions in `OutOfFold.cell_lines`; `mean` is each target's training mean.
    """

    lines: np.ndarray
    measured: np.ndarray
    predicted: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What one method predicted for lines it had not seen. `seconds` is the mean of a target and fold."""

    cell_lines: tuple[str, ...]
    targets: tuple[str, ...]
    blocks: tuple[Block, ...]
    seconds: float = 0.0

    def of(self, targets: Sequence[str]) -> "OutOfFold":
        """The same of some targets, in their order."""
        place = {name: i for i, name in enumerate(self.targets)}
        kept = np.array([place[name] for name in targets], dtype=np.int64)
        blocks = tuple(
            Block(b.lines, b.measured[:, kept], b.predicted[:, kept], b.mean[kept]) for b in self.blocks
        )
        return replace(self, targets=tuple(targets), blocks=blocks)


def fold_r(block: Block) -> np.ndarray:
    """Pearson's r of each target over a fold's lines: NaN where the measured are constant, else 0 where the
    predicted are; a target without predictions counts as predicted by a constant."""
    known = ~np.isnan(block.measured)
    weights = np.ones((1, len(block.lines)))
    return weighted_r(block.measured, block.predicted, known, weights)[0]


def weighted_r(
    measured: np.ndarray, predicted: np.ndarray, known: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """r of each target (columns) when lines count by each row of `weights`: draws x targets, from moments.

    Values where `known` is False do not count. Conventions as of `fold_r`.
    """
    kept = known.astype(np.float64)
    m = _centred(np.where(known, measured, 0.0), kept)
    p = _centred(np.where(known, np.nan_to_num(predicted, nan=0.0), 0.0), kept)
    n = np.maximum(weights @ kept, 1e-300)
    mean_m, mean_p = weights @ m / n, weights @ p / n
    square_m, square_p = weights @ (m * m) / n, weights @ (p * p) / n
    var_m, var_p = square_m - mean_m**2, square_p - mean_p**2
    flat_m, flat_p = var_m <= CONSTANT * square_m, var_p <= CONSTANT * square_p
    spread = np.sqrt(np.where(flat_m | flat_p, 1.0, var_m * var_p))
    r = np.where(flat_m | flat_p, 0.0, (weights @ (m * p) / n - mean_m * mean_p) / spread)
    return np.where(flat_m, np.nan, r)


def _centred(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Columns less their mean over what is kept, so that moments do not cancel; 0 where not kept.

    Exactly 0 where all that is kept is one value.
    """
    mean = values.sum(axis=0) / np.maximum(kept.sum(axis=0), 1.0)
    centred = (values - mean) * kept
    scale = np.abs(values).max(axis=0, initial=0.0)
    return np.where(np.abs(centred).max(axis=0, initial=0.0) <= CONSTANT * scale, 0.0, centred)


def mean_r(per_fold: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over folds, those without an r skipped; 0 where no fold has one."""
    stacked = np.stack(per_fold)
    known = ~np.isnan(stacked)
    return np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def target_r(out: OutOfFold) -> np.ndarray:
    """Mean fold r of every target."""
    return mean_r([fold_r(block) for block in out.blocks])


def rmse_gain(out: OutOfFold) -> float:
    """Mean over targets of 1 - RMSE / RMSE of the training mean, over all test lines.

    A target without predictions gains nothing.
    """
    error, of_mean = np.zeros(len(out.targets)), np.zeros(len(out.targets))
    for block in out.blocks:
        known = ~np.isnan(block.measured)
        predicted = np.where(np.isnan(block.predicted), block.mean, block.predicted)
        error += np.square(np.where(known, block.measured - predicted, 0.0)).sum(axis=0)
        of_mean += np.square(np.where(known, block.measured - block.mean, 0.0)).sum(axis=0)
    varies = of_mean > 0
    return float(np.mean(1.0 - np.sqrt(error[varies] / of_mean[varies]))) if varies.any() else 0.0


def ranking(out: OutOfFold, lower_is_stronger: bool) -> dict[str, float]:
    """Means over lines of NDCG@10, of that of a random order, and of the share of the ten strongest found.

    Strength is above the target's training mean, as in the table `ranking`; NaN where no line has enough
    targets to rank.
    """
    sign = -1.0 if lower_is_stronger else 1.0
    rows = []
    for block in out.blocks:
        for measured, predicted in zip(block.measured, block.predicted, strict=True):
            known = ~np.isnan(measured)
            strength = sign * (measured - block.mean)[known]
            forecast = np.nan_to_num(sign * (predicted - block.mean), nan=0.0)[known]
            one = ranked(strength, forecast)
            rows.append((one.ndcg, one.chance, one.found))
    values = np.array(rows, dtype=np.float64).reshape(-1, 3)
    kept = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means = np.where(kept, values, 0.0).sum(axis=0) / kept.sum(axis=0)
    return dict(zip(("ndcg", "ndcg_chance", "found"), means.tolist(), strict=True))
