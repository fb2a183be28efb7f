"""New samples scored with final models of method `best`: a kernel, the gates, and the training range.

A gene that a sample does not know is left out of the kernel, as for `kernel`; in a gate it counts as at its
mean over the training lines.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from safetensors.numpy import load

from modeling.borrowing.gate import added_in_raw_units
from modeling.kernels.distances import log2_scaling_of
from modeling.kernels.kernels import Laplacian
from tasks.artifacts.files import training_of
from tasks.scoring.all_genes import score_by_kernel
from tasks.scoring.model_rows import ModelFiles, Predictions, Rows


def predict_by_best(
    rows: Rows,
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
    files: ModelFiles,
) -> Predictions:
    """Predictions of every row, and the genes they come from: those that vary between the training lines.

    `place` gives the column of a gene; NaN is not known. A sample that knows fewer than `FEWEST_KNOWN`
    percent of the genes gets NaN. Raises BadInputError for a model that does not fit its training lines.
    """
    parameters = [json.loads(row["parameters"]) for row in rows]
    predicted = np.full((len(expression), len(rows)), np.nan)
    groups: dict[tuple[str, Laplacian], list[int]] = {}
    for i, each in enumerate(parameters):
        groups.setdefault((each["training"], Laplacian(each["c"], each["p"])), []).append(i)
    needed: dict[str, None] = {}  # an ordered set
    for (sha256, kernel), members in groups.items():
        training = training_of(files.training(sha256))
        scaling = log2_scaling_of(training.expression)
        models = [rows[i] for i in members]
        weights = [load(row["weights"].as_py()) for row in models]
        out, genes = score_by_kernel(training, scaling, kernel, models, weights, place, expression)
        _add_gates(out, models, weights, place, expression)
        limits = np.array([(parameters[i]["low"], parameters[i]["high"]) for i in members])
        predicted[:, members] = np.clip(out, limits[:, 0], limits[:, 1])
        needed |= dict.fromkeys(genes)
    return Predictions(predicted, tuple(needed))


def _add_gates(
    predicted: Float64[np.ndarray, "samples targets"],
    models: Rows,
    weights: list[dict[str, Any]],
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
) -> None:
    """Add what each open gate gives, in place."""
    by_gene = np.ascontiguousarray(expression.T)  # a genome's gates read some 90 000 genes' values
    for i, (row, stored) in enumerate(zip(models, weights, strict=True)):
        known = [k for k, gene in enumerate(row["modifiers"]) if gene in place]
        if known:
            expressed = np.ascontiguousarray(by_gene[[place[row["modifiers"][k]] for k in known]].T)
            predicted[:, i] += added_in_raw_units(expressed, stored["gate"][known], stored["centre"][known])
