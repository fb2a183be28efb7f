"""Rows of statistics' magnitudes of every kind that step-up control may meet."""

import numpy as np


def rows_of_every_kind(genes, scale, rng):
    """Noise, weak and strong signal, nearly everything significant, all zero, all equal, ties, one giant."""
    rows = np.abs(rng.standard_normal((14, genes))) * scale
    rows[2:4, ::50] += 2.5 * scale
    rows[4:6, ::3] += 4 * scale
    rows[6:8] += 6 * scale
    rows[8] = 0
    rows[9] = 3 * scale
    rows[10:12] = np.round(rows[10:12] / scale) * scale
    rows[12, 0] = 20 * scale
    return rows


def blurred(magnitude, error, rng):
    """Magnitudes in single precision, off by less than the error; 0 stays 0 now and then."""
    blur = rng.uniform(-0.8, 0.8, magnitude.shape) * error
    rough = np.maximum(magnitude + blur, 0.0)
    rough[(magnitude == 0) & (rng.random(magnitude.shape) < 0.5)] = 0.0
    return rough.astype(np.float32)
