"""Groups of modifiers that say nearly the same: which of them a model takes is then a matter of chance."""

import numpy as np
from jaxtyping import Float64, Int64
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

ALIKE = 0.6  # the least |r| between any two genes of a group


def correlations(features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, "features features"]:
    """Pearson's r between all features; 0 where one does not vary, 1 on the diagonal."""
    centred = features - features.mean(axis=0)
    norm = np.sqrt(np.square(centred).sum(axis=0))
    varies = norm > 1e-12 * np.abs(features).max(axis=0, initial=0.0)
    unit = np.where(varies, centred / np.where(varies, norm, 1.0), 0.0)
    r = np.clip(unit.T @ unit, -1.0, 1.0)
    np.fill_diagonal(r, 1.0)
    return r


def collinear_groups(
    r: Float64[np.ndarray, "features features"], alike: float = ALIKE
) -> Int64[np.ndarray, " features"]:
    """A group number for every feature, by complete linkage of 1 − |r|: in a group, every |r| >= `alike`.

    Groups are numbered from 0 in the order of their first feature; alone is a group of one.
    """
    if len(r) < 2:
        return np.zeros(len(r), dtype=np.int64)
    distance = 1 - np.abs((r + r.T) / 2)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    found = fcluster(tree, 1 - alike + 1e-12, criterion="distance")
    order: dict[int, int] = {}
    return np.array([order.setdefault(int(group), len(order)) for group in found], dtype=np.int64)
