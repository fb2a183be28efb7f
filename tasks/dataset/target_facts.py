"""What is known of each target before anything is fitted: class, mean, spread, own expression.

Classes are those of Itzhacky and Sharan (Molecular Omics 2021), by how a target's effect varies.
"""

import numpy as np
import pyarrow as pa

from modeling.borrowing.teaching import VARIABLE_SD
from tasks.dataset.dataset import Dataset

VARIABLE, NEAR_0, NEAR_1 = "variable", "near 0", "near 1"

# Beyond the cut a target is essential in nearly every line. The paper has dependency probabilities, cut at
# 0.5; gene effect falls to −1 for a common essential, levels rise to 2 with 1 for "dependent".
CUTS = {"dependency": 0.5, "effect": -0.5, "level": 1.0}


def classify(mean: float, sd: float, measure: str) -> str:
    """The class of a target from mean and standard deviation of its effect over the lines measured.

    "variable" is sd > 0.1; of the others "near 1" are those on the essential side of the measure's cut (0.5
    for "dependency", −0.5 for "effect", 1 for "level") or exactly on it, "near 0" the rest. ValueError for
    another measure.
    """
    if measure not in CUTS:
        raise ValueError(f"measure is {measure!r}; expected one of {', '.join(CUTS)}")
    if sd > VARIABLE_SD:
        return VARIABLE
    return NEAR_1 if is_dependent(np.array(mean), measure) else NEAR_0


def is_dependent(effect: np.ndarray, measure: str) -> np.ndarray:
    """Which lines depend on a target: on the essential side of the measure's cut, or exactly on it.

    False where the effect is missing (NaN).
    """
    return effect <= CUTS[measure] if measure == "effect" else effect >= CUTS[measure]


def target_facts(dataset: Dataset) -> pa.Table:
    """One row per target: target, entrez, class, mean, sd and own_expression (whether it is known).

    mean and sd are over the lines with a measured effect (null, and the class empty, where there is none).
    """
    effect = np.asarray(dataset.effect, dtype=np.float64)
    known = np.count_nonzero(~np.isnan(effect), axis=0)
    total = np.nansum(effect, axis=0)
    mean = np.divide(total, known, out=np.full(len(known), np.nan), where=known > 0)
    sd = np.full(len(known), np.nan)
    several = known > 1
    sd[several] = np.nanstd(effect[:, several], axis=0, ddof=1)
    sd[known == 1] = 0.0
    classes = [
        "" if k == 0 else classify(m, s, dataset.measure) for k, m, s in zip(known, mean, sd, strict=True)
    ]
    return pa.table(
        {
            "target": pa.array(dataset.targets, pa.string()),
            "entrez": pa.array(dataset.target_entrez, pa.int64()),
            "class": pa.array(classes, pa.string()),
            "mean": pa.array(mean, pa.float64(), from_pandas=True),
            "sd": pa.array(sd, pa.float64(), from_pandas=True),
            "own_expression": pa.array(dataset.own >= 0, pa.bool_()),
        }
    )


def missing_pattern_order(dataset: Dataset) -> dict[str, int]:
    """A rank for each target that puts targets missing on the same cell lines side by side.

    A shard then prepares the genes once for each pattern it meets. Patterns are ranked in the order in which
    they first occur, targets of one pattern in the dataset's order.
    """
    missing = np.packbits(np.isnan(dataset.effect), axis=0).T
    patterns: dict[bytes, int] = {}
    ranks = [patterns.setdefault(row.tobytes(), len(patterns)) for row in missing]
    order = sorted(range(len(ranks)), key=lambda i: (ranks[i], i))
    return {dataset.targets[i]: place for place, i in enumerate(order)}
