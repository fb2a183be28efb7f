"""Small problems that break careless regressions; nothing of ours is imported."""

import numpy as np


def signal(n, p, seed, correlation=0.4, noise=1.0):
    """Correlated features about 5 with an effect on the first few, as expression and gene effect are."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 1))
    features = 5 + np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.normal(size=(n, p))
    effect = features[:, : min(p, 5)] @ rng.normal(size=min(p, 5)) * 0.4 + noise * rng.normal(size=n)
    # Expression is float32; so nothing here depends on a rounding to it.
    return features.astype(np.float32).astype(np.float64), effect


def hard_problems():
    """Name -> (features, effect)."""
    rng = np.random.default_rng(99)
    x, y = signal(120, 8, 1)
    constant, duplicate, nearly = x.copy(), x.copy(), x.copy()
    constant[:, 2], constant[:, 5] = 0.1, 0.0
    duplicate[:, 3], duplicate[:, 6] = duplicate[:, 0], 2 * duplicate[:, 1] + 1
    nearly[:, 4] = nearly[:, 0] + 1e-4 * rng.normal(size=120)
    return {
        "ordinary": (x, y),
        "many features": signal(200, 60, 2, correlation=0.9),
        "more features than lines": signal(40, 70, 3),
        "thirty lines": signal(30, 6, 4),
        "one feature": signal(50, 1, 5),
        "constant features": (constant, y),
        "all features constant": (np.full((40, 3), 0.1), y[:40]),
        "duplicate features": (duplicate, y),
        "nearly duplicate features": (nearly, y),
        "huge scale": (1e8 * x + 1e9, 1e6 * y),
        "tiny scale": (1e-8 * x, 1e-6 * y),
        "mixed scales": (x * 10.0 ** np.arange(-4, 4), y),
        "levels 0, 1, 2": (x, np.digitize(y, [0.5, 2.0]).astype(float)),
        "counts with many zeros": (np.maximum(x - 5.5, 0), y),
        "noise": (rng.normal(size=(90, 20)), rng.normal(size=90)),
        "exact": (x, x @ np.arange(1.0, 9.0) - 3),
    }
