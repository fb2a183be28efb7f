"""New samples scored by models on a target's modifiers: linear ones all at once, others one by one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64
from safetensors.numpy import load
from scipy.sparse import csr_array

from modeling.candidates.registry import restore
from tasks.scoring.model_rows import Rows


def predict_restored(
    rows: Rows, place: Mapping[str, int], expression: Float32[np.ndarray, "samples genes"]
) -> Float64[np.ndarray, "samples targets"]:
    """Models that are not linear, one by one; NaN where a sample does not know one of the modifiers.

    `place` gives the column of a gene; NaN in `expression` is not known.
    """
    predicted = np.full((len(expression), len(rows)), np.nan)
    for i, row in enumerate(rows):
        predicted[:, i] = _restored(row, place, expression)
    return predicted


def needed_modifiers(row: Mapping[str, Any]) -> list[str]:
    """The modifiers a prediction depends on: all, but for those a linear model gives no weight."""
    if row["coefficients"] is None:
        return list(row["modifiers"])
    return [m for m, weight in zip(row["modifiers"], row["coefficients"], strict=True) if weight != 0]


def predict_linear(
    rows: Rows,
    place: Mapping[str, int],
    expression: Float32[np.ndarray, "samples genes"],
) -> Float64[np.ndarray, "samples targets"]:
    """All linear models at once (a sparse product); NaN where a modifier that counts is not known."""
    intercepts = np.array([row["intercept"] for row in rows], dtype=np.float64)
    place_of, weight, ends, lacking = _entries(rows, place)
    shape = (len(rows), expression.shape[1])
    weights = csr_array((weight, place_of, ends), shape=shape)
    unknown = np.isnan(expression)
    known = np.nan_to_num(expression.astype(np.float64))
    predicted = (weights @ known.T).T + intercepts
    if unknown.any():
        uses = csr_array((np.ones(len(weight)), place_of, ends), shape=shape)
        predicted[(uses @ unknown.T.astype(np.float64)).T > 0] = np.nan
    predicted[:, lacking] = np.nan
    return predicted


def _entries(
    rows: Rows, place: Mapping[str, int]
) -> tuple[
    Int64[np.ndarray, " entries"], Float64[np.ndarray, " entries"], Int64[np.ndarray, " ends"], list[int]
]:
    """Columns and weights that each row adds up, where rows end, and the rows that lack a modifier."""
    places: list[int] = []
    weights: list[float] = []
    ends, lacking = [0], []
    for i, row in enumerate(rows):
        whole = True
        for modifier, weight in zip(row["modifiers"], row["coefficients"], strict=True):
            if weight == 0:
                continue
            if (column := place.get(modifier, -1)) < 0:
                whole = False
                continue
            places.append(column)
            weights.append(weight)
        if not whole:
            lacking.append(i)
        ends.append(len(places))
    return np.array(places, np.int64), np.array(weights, np.float64), np.array(ends, np.int64), lacking


def _restored(
    row: Mapping[str, Any], place: Mapping[str, int], expression: Float32[np.ndarray, "samples genes"]
) -> Float64[np.ndarray, " samples"]:
    """One model that is not linear; NaN for samples that lack a modifier."""
    if any(m not in place for m in needed_modifiers(row)):
        return np.full(len(expression), np.nan)
    features = expression[:, [place[m] for m in row["modifiers"]]].astype(np.float64)
    whole = ~np.isnan(features).any(axis=1)
    predicted = np.full(len(expression), np.nan)
    if whole.any():
        weights = load(row["weights"].as_py())
        predicted[whole] = restore(row["kind"], weights).predict(features[whole])
    return predicted
