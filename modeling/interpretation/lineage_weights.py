"""A target's linear weights within each lineage, drawn towards those of all lines as far as the data ask.

A lineage has few lines, so its own least squares are noise. Each lineage's weights are the pooled ones plus a
deviation, fitted by ridge regression to what the pooled model leaves; one penalty for all lineages is
chosen by leave-one-out error. The largest penalty is infinite: then no lineage differs, and that is said.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.candidates.linear.ridge import Ridge
from modeling.candidates.problem import Problem

PENALTIES = np.logspace(0, 4, 17)  # of standardised features; four a decade
FEWEST = 10  # lines that a lineage needs for weights of its own


@dataclass(frozen=True, eq=False)
class LineageWeights:
    """Weights of standardised features (all lines: mean 0, sd 1), in units of the effect.

    `pooled` are those of all lines, `weights` a row per group; a group of under `FEWEST` lines has NaN.
    `n` are its lines. `penalty` is infinite where leave-one-out error found no sign that groups differ.
    `improves` is the share of the leave-one-out squared error (each group with an intercept of its own) that
    own weights take away, 0..1.
    """

    pooled: Float64[np.ndarray, " features"]
    weights: Float64[np.ndarray, "groups features"]
    n: Int64[np.ndarray, " groups"]
    penalty: float
    improves: float


def lineage_weights(
    features: Float64[np.ndarray, "lines features"],
    effect: Float64[np.ndarray, " lines"],
    groups: Int64[np.ndarray, " lines"],
    n_groups: int,
) -> LineageWeights:
    """Weights of every group 0..`n_groups` − 1; lines of group −1 count for the pooled weights alone.

    Raises ValueError where nothing can be fitted, with what is wrong (`Problem.trouble`).
    """
    problem = Problem(features, effect, 0)
    if problem.trouble:
        raise ValueError(problem.trouble)
    fitted = Ridge().fit_one(problem)
    x = problem.standardised.values
    residual = problem.effect - fitted.predict(problem.features)
    _, raw = fitted.coefficients() or (0.0, np.zeros(problem.n_features))
    pooled = raw * problem.standardised.scale
    n = np.bincount(groups[groups >= 0], minlength=n_groups)
    rows = {group: groups == group for group in np.flatnonzero(n >= FEWEST).tolist()}
    errors = sum((_errors(x, residual, mine) for mine in rows.values()), np.zeros(len(PENALTIES) + 1))
    best = int(np.argmin(errors))
    penalty = float(PENALTIES[best]) if best < len(PENALTIES) else np.inf
    weights = np.full((n_groups, problem.n_features), np.nan)
    for group, mine in rows.items():
        weights[group] = pooled + _deviation(x, residual, mine, penalty)
    improves = 1 - errors[best] / errors[-1] if errors[-1] > 0 else 0.0
    return LineageWeights(pooled, weights, n, penalty, float(improves))


def _centred(
    x: Float64[np.ndarray, "lines features"],
    residual: Float64[np.ndarray, " lines"],
    mine: Bool[np.ndarray, " lines"],
) -> tuple[Float64[np.ndarray, "own features"], Float64[np.ndarray, " own"]]:
    """A group's features and residuals less their means in it: each group has its own intercept."""
    return x[mine] - x[mine].mean(axis=0), residual[mine] - residual[mine].mean()


def _errors(
    x: Float64[np.ndarray, "lines features"],
    residual: Float64[np.ndarray, " lines"],
    mine: Bool[np.ndarray, " lines"],
) -> Float64[np.ndarray, " penalties_and_none"]:
    """Summed squared leave-one-out errors of each penalty, the infinite one last."""
    own, left = _centred(x, residual, mine)
    u, singular, _ = np.linalg.svd(own, full_matrices=False)
    squares = singular[:, np.newaxis] ** 2
    kept = np.hstack([squares / (squares + PENALTIES), np.zeros((len(singular), 1))])
    misses = left[:, np.newaxis] - u @ (kept * (u.T @ left)[:, np.newaxis])
    leverage = 1 / len(left) + u**2 @ kept
    return np.asarray(np.square(misses / (1 - leverage)).sum(axis=0), dtype=np.float64)


def _deviation(
    x: Float64[np.ndarray, "lines features"],
    residual: Float64[np.ndarray, " lines"],
    mine: Bool[np.ndarray, " lines"],
    penalty: float,
) -> Float64[np.ndarray, " features"]:
    if np.isinf(penalty):
        return np.zeros(x.shape[1])
    own, left = _centred(x, residual, mine)
    gram = own.T @ own + penalty * np.eye(x.shape[1])
    return np.linalg.solve(gram, own.T @ left)
