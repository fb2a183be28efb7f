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

from modeling.kernels.distances import log2_scaling_of, standardised
from modeling.kernels.kernels import Laplacian
from modeling.kernels.ridge import predict_by_kernel
from tasks.artifacts.files import training_of
from tasks.errors import BadInputError
from tasks.scoring.all_genes import FEWEST_KNOWN, blocks
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
        train = standardised(training.expression, scaling)
        models = [rows[i] for i in members]
        weights = [load(row["weights"].as_py()) for row in models]
        dual = _duals(models, weights, len(train))
        intercept = np.array([row["intercept"] for row in models], dtype=np.float64)
        genes = [gene for gene, varies in zip(training.genes, scaling.varies, strict=True) if varies]
        out = np.full((len(expression), len(models)), np.nan)
        for at, values in blocks(expression, [place.get(gene, -1) for gene in training.genes]):
            known = (~np.isnan(values) & scaling.varies).sum(axis=1)
            enough = 100 * known >= FEWEST_KNOWN * len(genes)
            between = kernel.between(standardised(values[enough], scaling), train, known[enough])
            out[at][enough] = predict_by_kernel(kernel.of(between), dual, intercept)
        _add_gates(out, models, weights, place, expression)
        limits = np.array([(parameters[i]["low"], parameters[i]["high"]) for i in members])
        predicted[:, members] = np.clip(out, limits[:, 0], limits[:, 1])
        needed |= dict.fromkeys(genes)
    return Predictions(predicted, tuple(needed))


def _duals(
    models: Rows, weights: list[dict[str, np.ndarray]], lines: int
) -> Float64[np.ndarray, "lines targets"]:
    out = np.empty((lines, len(models)))
    for i, (row, stored) in enumerate(zip(models, weights, strict=True)):
        if len(stored["dual"]) != lines:
            raise BadInputError(
                f"model of {row['target']}: {len(stored['dual'])} dual coefficients for {lines} training "
                "lines"
            )
        out[:, i] = stored["dual"]
    return out


def _add_gates(
    predicted: Float64[np.ndarray, "samples targets"],
    models: Rows,
    weights: list[dict[str, Any]],
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
) -> None:
    """Add what each open gate gives, in place."""
    for i, (row, stored) in enumerate(zip(models, weights, strict=True)):
        for gene, weight, centre in zip(row["modifiers"], stored["gate"], stored["centre"], strict=True):
            if gene in place:
                away = expression[:, place[gene]].astype(np.float64) - centre
                predicted[:, i] += np.nan_to_num(away) * weight
