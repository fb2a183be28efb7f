"""New samples scored with a store's final models: samples x targets, and what was missing."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64, Int64
from safetensors.numpy import load
from scipy.sparse import csr_array

from modeling.candidates.registry import restore
from tasks.errors import BadInputError
from tasks.scoring.kernels import is_on_all_genes, score_on_all_genes
from tasks.scoring.networks import is_by_networks, score_by_networks
from tasks.scoring.samples import gene_columns


@dataclass(frozen=True, eq=False)
class Scored:
    """Forecasts of every target that has a final model.

    `predicted` is samples x targets, NaN where the sample does not know what the model needs: every modifier,
    or nine tenths of the genes of a model on all genes (then what it knows stands for the rest).
    `missing` lists, for each target that has any, the genes its model needs that no column holds.
    `needed` are the genes of all models together; `unknown` says in how many samples each has no value, and
    `known` how many of them each sample has.
    """

    targets: tuple[str, ...]
    predicted: Float64[np.ndarray, "samples targets"]
    missing: dict[str, tuple[str, ...]]
    needed: tuple[str, ...]
    unknown: Int64[np.ndarray, " needed"]
    known: Int64[np.ndarray, " samples"]


def score_samples(
    models: pa.Table,
    genes: Sequence[str],
    expression: Float32[np.ndarray, "samples genes"],
    read_training: Callable[[str], bytes],
    read_networks: Callable[[str], bytes],
) -> Scored:
    """Forecast every target of `models` (one method's rows) for new samples.

    `expression` is log2(TPM+1) as in training; `genes` are its columns, as symbols or "SYMBOL (entrez)"; a
    value that is NaN or infinite is not known. `read_training` gives the bytes of a file of
    `artifacts.training_expression`, checked, by its sha256, and `read_networks` those of one of
    `artifacts.networks`; models on all genes need one or the other. Raises BadInputError for a model whose
    content is not what was committed.
    """
    rows = list(_checked_rows(models))
    place = gene_columns(genes)
    if np.isinf(expression).any():
        expression = np.where(np.isinf(expression), np.float32(np.nan), expression)
    predicted = np.full((len(expression), len(rows)), np.nan)
    linear = [i for i, row in enumerate(rows) if row["coefficients"] is not None]
    predicted[:, linear] = _linear([rows[i] for i in linear], place, expression)
    wide = [i for i, row in enumerate(rows) if is_on_all_genes(row)]
    predicted[:, wide], all_genes = score_on_all_genes(
        [rows[i] for i in wide], place, expression, read_training
    )
    shared = [i for i, row in enumerate(rows) if is_by_networks(row)]
    if shared:  # a store's method has either or neither
        predicted[:, shared], all_genes = score_by_networks(
            [rows[i] for i in shared], place, expression, read_networks
        )
    for i in sorted(set(range(len(rows))) - {*linear, *wide, *shared}):
        predicted[:, i] = _restored(rows[i], place, expression)
    absent = tuple(gene for gene in all_genes if gene not in place)
    lacking = {row["target"]: tuple(m for m in _needed(row) if m not in place) for row in rows}
    lacking |= {rows[i]["target"]: absent for i in (*wide, *shared)}
    missing = {target: genes for target, genes in lacking.items() if genes}
    needed = all_genes or tuple(sorted({gene for row in rows for gene in _needed(row)}))
    return Scored(
        tuple(row["target"] for row in rows), predicted, missing, needed, *_counts(needed, place, expression)
    )


def model_sum(row: Mapping[str, Any]) -> str:
    """The sha256 of what a row of `models` forecasts from: kind, modifiers, coefficients, weights.

    Of a model on all genes also method and parameters: they say which kernel, between which lines, or which
    networks.
    """
    names = ["kind", "modifiers", "intercept", "coefficients"]
    if is_on_all_genes(row) or is_by_networks(row):
        names += ["method", "parameters"]
    body = json.dumps({name: row.get(name) for name in names}, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(body + (row.get("weights") or b"")).hexdigest()


def _checked_rows(models: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows that forecast; the weights, which for a genome are much, stay in Arrow until used."""
    rows = models.drop_columns(["weights"]).to_pylist()
    for row, weights in zip(rows, models.column("weights"), strict=True):
        if row["kind"] is None:
            continue
        if model_sum(row | {"weights": weights.as_py()}) != row["sha256"]:
            raise BadInputError(f"model of {row['target']}: its content does not have the sha256 it carries")
        yield row | {"weights": weights}


def _counts(
    needed: Sequence[str], place: Mapping[str, int], expression: Float32[np.ndarray, "samples genes"]
) -> tuple[Int64[np.ndarray, " needed"], Int64[np.ndarray, " samples"]]:
    """In how many samples each gene is not known, and how many of the genes each sample knows."""
    columns = np.array([place.get(gene, -1) for gene in needed], dtype=np.int64)
    has = ~np.isnan(expression)
    unknown = np.full(len(needed), len(expression))
    unknown[columns >= 0] -= has.sum(axis=0)[columns[columns >= 0]]
    return unknown, has[:, columns[columns >= 0]].sum(axis=1)


def _needed(row: Mapping[str, Any]) -> list[str]:
    """The modifiers a forecast depends on: all, but for those a linear model gives no weight."""
    if row["coefficients"] is None:
        return list(row["modifiers"])
    return [m for m, weight in zip(row["modifiers"], row["coefficients"], strict=True) if weight != 0]


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
        weights = load(row["weights"].as_py())
        predicted[whole] = restore(row["kind"], weights).predict(features[whole])
    return predicted
