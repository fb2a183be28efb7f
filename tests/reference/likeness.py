"""How like the training lines a sample is, slowly: one sample at a time, with loops and numpy.polyfit."""

import numpy as np


def weights(lines: np.ndarray) -> np.ndarray:
    return 1 / (lines.astype(float).var(axis=0) + 0.3)


def fitted(x: np.ndarray, profile: np.ndarray, weight: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Level, slope and residuals of a weighted straight line."""
    slope, _ = np.polyfit(profile, x, 1, w=np.sqrt(weight)) if np.ptp(x) else (0.0, 0.0)
    level = np.average(x, weights=weight) - np.average(profile, weights=weight)
    shift = np.average(x, weights=weight) - slope * np.average(profile, weights=weight)
    return level, slope, x - shift - slope * profile


def compared(sample: np.ndarray, lines: np.ndarray, leave_out: int | None = None) -> dict[str, float]:
    known = ~np.isnan(sample)
    others = [i for i in range(len(lines)) if i != leave_out]
    weight = weights(lines)[known]
    x, everything = sample[known].astype(float), lines.astype(float)
    left = fitted(x, everything[others].mean(axis=0)[known], weight)[2]
    r = {}
    for i in others:
        own = fitted(everything[i], everything.mean(axis=0), weights(lines))[2]
        own = own - own.mean()
        centred = left - left.mean()
        length = np.sqrt((centred**2).sum() * (own[known] ** 2).sum())
        r[i] = float(centred @ own[known] / length) if np.ptp(x) else 0.0
    nearest = max(others, key=lambda i: (r[i], -i))
    ranked = sorted((i for i in others if r[i] < 0.99), key=lambda i: (-r[i], i))
    like = everything[ranked[:10]].mean(axis=0)[known]
    level, spread, left = fitted(x, like, weight)
    absent = np.mean(x < 0.05) - np.mean(everything[ranked[:10]][:, known] < 0.05)
    low, high = (end(everything[others], axis=0)[known] for end in (np.min, np.max))
    return {
        "nearest": nearest,
        "nearest_r": r[nearest],
        "other_r": r[ranked[0]],
        "outside": float(np.mean((x < low - 0.01) | (x > high + 0.01))),
        "absent": absent,
        "level": level,
        "spread": spread,
        "scatter": float(np.sqrt(np.average(left**2, weights=weight))),
    }


def matched(sample: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Quantile matching of a sample that knows all genes: equal values get the mean of their quantiles."""
    quantiles = np.mean([sorted(line) for line in lines.astype(float)], axis=0)
    order = np.argsort(sample, kind="stable")
    return np.array(
        [np.mean([quantiles[k] for k in range(len(order)) if sample[order[k]] == v]) for v in sample]
    )
