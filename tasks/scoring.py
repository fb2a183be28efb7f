"""New samples scored with a store's final models: samples x targets, and what was missing."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64
from safetensors.numpy import load
from scipy.sparse import csr_array

from modeling.candidates import restore
from tasks.gene_labels import name_genes
from tasks.problems import BadInputError


@dataclass(frozen=True, eq=False)
class Scored:
    """Forecasts of every target that has a final model.

    `predicted` is samples x targets, NaN where a modifier of the target is not known in the sample;
    `missing` lists, for each target that has any, its modifiers that no column of the expression holds.
    `known` of the genes that the models need are columns of the expression.
    """

    targets: tuple[str, ...]
    predicted: Float64[np.ndarray, "samples targets"]
    missing: dict[str, tuple[str, ...]]
    known: int


def score_samples(
    models: pa.Table, genes: Sequence[str], expression: Float32[np.ndarray, "samples genes"]
) -> Scored:
    """Forecast every target of `models` (one method's rows) for new samples.

    `expression` is log2(TPM+1) as in training; `genes` are its columns, as symbols or "SYMBOL (entrez)", NaN
    where a value is missing. Raises BadInputError for a model whose content is not what was committed.
    """
    rows = [row for row in models.to_pylist() if row["kind"] is not None]
    for row in rows:
        if model_sum(row) != row["sha256"]:
            raise BadInputError(f"model of {row['target']}: its content does not have the sha256 it carries")
    place = _places(genes)
    predicted = np.full((len(expression), len(rows)), np.nan)
    linear = [i for i, row in enumerate(rows) if row["coefficients"] is not None]
    predicted[:, linear] = _linear([rows[i] for i in linear], place, expression)
    for i in sorted(set(range(len(rows))) - set(linear)):
        predicted[:, i] = _restored(rows[i], place, expression)
    lacking = {row["target"]: tuple(m for m in _needed(row) if m not in place) for row in rows}
    missing = {target: genes for target, genes in lacking.items() if genes}
    known = len({gene for row in rows for gene in _needed(row)} & place.keys())
    return Scored(tuple(row["target"] for row in rows), predicted, missing, known)


def model_sum(row: Mapping[str, Any]) -> str:
    """The sha256 of what a row of `models` forecasts from: kind, modifiers, coefficients, weights."""
    said = {name: row.get(name) for name in ("kind", "modifiers", "intercept", "coefficients")}
    body = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(body + (row.get("weights") or b"")).hexdigest()


def _needed(row: Mapping[str, Any]) -> list[str]:
    """The modifiers a forecast depends on: all, but for those a linear model gives no weight."""
    if row["coefficients"] is None:
        return list(row["modifiers"])
    return [m for m, weight in zip(row["modifiers"], row["coefficients"], strict=True) if weight != 0]


def _places(genes: Sequence[str]) -> dict[str, int]:
    """The column of each gene, by its label as written and by its name as a Dataset would give it."""
    names, _ = name_genes(genes)
    return {name: i for i, name in enumerate(names.labels)} | {label: i for i, label in enumerate(genes)}


def _linear(
    rows: Sequence[Mapping[str, Any]],
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
) -> Float64[np.ndarray, "samples targets"]:
    """All linear models at once: a sparse genes x targets product."""
    intercepts = np.array([row["intercept"] for row in rows], dtype=np.float64)
    entries = list(_entries(rows, place))
    shape = (len(rows), expression.shape[1])
    at = (
        np.array([e[0] for e in entries], dtype=np.int64),
        np.array([e[1] for e in entries], dtype=np.int64),
    )
    weights = csr_array((np.array([e[2] for e in entries], dtype=np.float64), at), shape=shape)
    known = np.nan_to_num(expression.astype(np.float64))
    predicted = (weights @ known.T).T + intercepts
    uses = csr_array((np.ones(len(entries)), at), shape=shape)
    predicted[(uses @ np.isnan(expression).T.astype(np.float64)).T > 0] = np.nan
    lacking = [i for i, row in enumerate(rows) if any(m not in place for m in _needed(row))]
    predicted[:, lacking] = np.nan
    return predicted


def _entries(rows: Sequence[Mapping[str, Any]], place: Mapping[str, int]) -> Iterator[tuple[int, int, float]]:
    for i, row in enumerate(rows):
        for modifier, weight in zip(row["modifiers"], row["coefficients"], strict=True):
            if weight != 0 and modifier in place:
                yield i, place[modifier], weight


def _restored(
    row: Mapping[str, Any], place: Mapping[str, int], expression: Float32[np.ndarray, "samples genes"]
) -> Float64[np.ndarray, " samples"]:
    """One model that is not linear; NaN for samples that lack a modifier."""
    if any(m not in place for m in _needed(row)):
        return np.full(len(expression), np.nan)
    features = expression[:, [place[m] for m in row["modifiers"]]].astype(np.float64)
    whole = ~np.isnan(features).any(axis=1)
    predicted = np.full(len(expression), np.nan)
    if whole.any():
        predicted[whole] = restore(row["kind"], load(row["weights"])).predict(features[whole])
    return predicted
