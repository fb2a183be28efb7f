"""New samples scored with the final networks of `latent` and `plain`.

A gene that a sample does not know counts as at its training mean; one that knows too few is not predicted.
"""

import json
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32, Float64

from tasks.artifacts.networks import SharedNetworks, networks_of
from tasks.scoring.kernels import FEWEST_KNOWN, blocks
from tasks.scoring.model_rows import ModelFiles, Predictions, Rows


def predict_by_networks(
    rows: Rows,
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
    files: ModelFiles,
) -> Predictions:
    """Predictions of every row, and the genes that the networks take.

    `place` gives the column of a gene; NaN is not known. A sample that knows fewer than 90 percent of the
    genes gets NaN.
    """
    predicted = np.full((len(expression), len(rows)), np.nan)
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(json.loads(row["parameters"])["networks"], []).append(i)
    needed: dict[str, None] = {}  # an ordered set
    for sha256, members in groups.items():
        shared = networks_of(files.weights(sha256))
        output = {target: i for i, target in enumerate(shared.targets)}
        outputs = [output[rows[i]["target"]] for i in members]
        predicted[:, members] = _predict(shared, place, expression)[:, outputs]
        needed |= dict.fromkeys(shared.genes)
    return Predictions(predicted, tuple(needed))


def _predict(
    shared: SharedNetworks, place: Mapping[str, int], expression: Float32[np.ndarray, "samples genes"]
) -> Float64[np.ndarray, "samples targets"]:
    predicted = np.full((len(expression), len(shared.targets)), np.nan)
    for at, values in blocks(expression, [place.get(gene, -1) for gene in shared.genes]):
        enough = 100 * (~np.isnan(values)).sum(axis=1) >= FEWEST_KNOWN * len(shared.genes)
        if enough.any():
            predicted[at][enough] = shared.predict(values[enough])
    return predicted
