"""New samples scored with final models on all genes: `ridge` and `kernel`, `latent` and `plain`.

Kernels compare a sample, standardised with the training lines' statistics, with every training line. A gene
it does not know (no column, or no value) is left out: both kernels are means over genes, so the genes it
knows stand for the rest. For networks such a gene counts as at its training mean; a sample that knows too few
genes is not predicted."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from safetensors.numpy import load

from modeling.kernels.distances import Scaling, scaling_of, standardised
from modeling.kernels.kernels import KERNELS, AnyKernel
from modeling.kernels.ridge import predict_by_kernel
from tasks.artifacts.files import SharedNetworks, Training, networks_of, training_of
from tasks.errors import BadInputError
from tasks.scoring.model_rows import ModelFiles, Predictions, Rows

FEWEST_KNOWN = 90  # percent of the model's genes; a sample that knows fewer is not predicted
SAMPLES_AT_ONCE = 512  # bounds the copies of their expression


def predict_by_kernels(
    rows: Rows,
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
    files: ModelFiles,
    kind: type[AnyKernel] | None = None,
) -> Predictions:
    """Predictions of every row, and the genes they come from: those that vary between the training lines.

    `place` gives the column of a gene; NaN is not known. A sample that knows fewer than `FEWEST_KNOWN`
    percent of the genes gets NaN. `kind` of kernel is that of the rows' method (`KERNELS`), if not given.
    """
    predicted = np.empty((len(expression), len(rows)))
    groups: dict[tuple[str, AnyKernel], list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(_training_and_kernel(row, kind), []).append(i)
    needed: dict[str, None] = {}  # an ordered set
    for (sha256, kernel), members in groups.items():
        training = training_of(files.training(sha256))
        models = [rows[i] for i in members]
        weights = (load(row["weights"].as_py()) for row in models)
        scaling = scaling_of(training.expression)
        by_kernel = score_by_kernel(training, scaling, kernel, models, weights, place, expression)
        predicted[:, members], genes = by_kernel
        needed |= dict.fromkeys(genes)
    return Predictions(predicted, tuple(needed))


def _training_and_kernel(row: Mapping[str, Any], kind: type[AnyKernel] | None) -> tuple[str, AnyKernel]:
    said, kind = json.loads(row["parameters"]), kind or KERNELS[row["method"]]
    return said["training"], kind(**{field.name: said[field.name] for field in fields(kind)})


def score_by_kernel(
    training: Training,
    scaling: Scaling,
    kernel: AnyKernel,
    models: Rows,
    weights: Iterable[Mapping[str, np.ndarray]],
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
) -> tuple[Float64[np.ndarray, "samples targets"], list[str]]:
    """Models that share training lines and kernel, and the genes they need: one matrix product for all.

    `weights` are those of each model, `dual` among them. Raises BadInputError for a model that does not fit
    the training lines.
    """
    train = standardised(training.expression, scaling)
    dual = _duals(models, weights, len(train)).T
    intercept = np.array([row["intercept"] for row in models], dtype=np.float64)
    predicted = np.full((len(expression), len(models)), np.nan)
    for at, values in blocks(expression, [place.get(gene, -1) for gene in training.genes]):
        known = (~np.isnan(values) & scaling.varies).sum(axis=1)
        enough = 100 * known >= FEWEST_KNOWN * int(scaling.varies.sum())
        between = kernel.between(standardised(values[enough], scaling), train, known[enough])
        predicted[at][enough] = predict_by_kernel(kernel.of(between), dual, intercept)
    genes = [gene for gene, varies in zip(training.genes, scaling.varies, strict=True) if varies]
    return predicted, genes


def _duals(
    models: Rows, weights: Iterable[Mapping[str, np.ndarray]], lines: int
) -> Float64[np.ndarray, "targets lines"]:
    out = np.empty((len(models), lines))
    for dual, row, each in zip(out, models, weights, strict=True):
        stored = each["dual"]
        if stored.shape != dual.shape:
            raise BadInputError(
                f"model of {row['target']}: {len(stored)} dual coefficients for {lines} training lines"
            )
        dual[:] = stored
    return out


def blocks(
    expression: Float32[np.ndarray, "samples genes"], columns: Sequence[int]
) -> Iterator[tuple[slice, Float32[np.ndarray, "block genes"]]]:
    """Some samples at a time: values in the order of the model's genes, NaN where there is no column (-1)."""
    absent = np.array(columns) < 0
    for start in range(0, len(expression), SAMPLES_AT_ONCE):
        at = slice(start, start + SAMPLES_AT_ONCE)
        values = expression[at].take(columns, axis=1)
        values[:, absent] = np.nan
        yield at, values


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
