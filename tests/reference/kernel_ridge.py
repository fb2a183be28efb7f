"""All-gene kernel ridge as one would write it down: loops, refits, scikit-learn. Imports nothing of ours."""

import numpy as np
from sklearn.kernel_ridge import KernelRidge


def standardise_slow(train, lines):
    """float32, as the method is defined; genes constant in training are zero."""
    out = np.zeros(lines.shape, dtype=np.float32)
    for gene in range(train.shape[1]):
        x = train[:, gene].astype(np.float64)
        if x.max() - x.min() > 1e-12 * np.abs(x).max():
            out[:, gene] = (lines[:, gene] - x.mean()) / x.std()
    return out


def kernel_slow(kind, left, right, varying, c=0.25, p=0.7):
    """One pair of lines after the other."""
    out = np.zeros((len(left), len(right)))
    for i, a in enumerate(left.astype(np.float64)):
        for j, b in enumerate(right.astype(np.float64)):
            if kind == "ridge":
                out[i, j] = np.sum(a * b) / max(varying, 1)
            else:
                out[i, j] = np.exp(-((np.sum(np.abs(a - b)) / max(varying, 1) / c) ** p))
    return out


def centre(train, lines):
    """A kernel of lines with the training lines, centred by the training lines' means."""
    return lines - lines.mean(axis=1, keepdims=True) - train.mean(axis=0) + train.mean()


def fit_slow(kernel, effect, penalty, new):
    """Forecasts of KernelRidge on the centred kernel, scaled to mean eigenvalue 1, and the centred effect."""
    centred = centre(kernel, kernel)
    scale = np.linalg.eigvalsh(centred).mean()
    scale = scale if scale > 1e-13 else 1.0
    model = KernelRidge(alpha=penalty, kernel="precomputed").fit(centred / scale, effect - effect.mean())
    return effect.mean() + model.predict(centre(kernel, new) / scale)


def leave_one_out_slow(kernel, effect, penalty):
    """Residuals of each line (of one target or several), predicted by a refit with intercept on the others.

    The kernel and its scale are those of all lines, as they are chosen before the penalty.
    """
    scale = np.linalg.eigvalsh(centre(kernel, kernel)).mean()
    scale = scale if scale > 1e-13 else 1.0
    residuals = np.empty(effect.shape)
    for line in range(len(effect)):
        others = np.delete(np.arange(len(effect)), line)
        inner, row = kernel[np.ix_(others, others)] / scale, kernel[[line]][:, others] / scale
        model = KernelRidge(alpha=penalty, kernel="precomputed")
        model.fit(centre(inner, inner), effect[others] - effect[others].mean(axis=0))
        predicted = effect[others].mean(axis=0) + model.predict(centre(inner, row))[0]
        residuals[line] = effect[line] - predicted
    return residuals
