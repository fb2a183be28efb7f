"""Rows of the table `models`: what a prediction is made of, and the checksum that protects it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float64

BASIC_CHECKSUM = ("kind", "modifiers", "intercept", "coefficients")

Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


class ModelFiles(Protocol):
    """The files that final models share, by the sha256 of their bytes, which are checked."""

    def training(self, digest: str) -> bytes:
        """Training expression (`tasks.artifacts.files`)."""

    def weights(self, digest: str) -> bytes:
        """Trained networks (`tasks.artifacts.files`)."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of every row, NaN where a sample does not know what the model needs.

    `genes` are those that all models of the method need; None where each row's modifiers say.
    """

    predicted: Float64[np.ndarray, "samples targets"]
    genes: tuple[str, ...] | None = None


def model_checksum(row: Mapping[str, Any], fields: Sequence[str] = BASIC_CHECKSUM) -> str:
    """The sha256 of what a row of `models` predicts from: some fields, and the weights."""
    body = {name: row.get(name) for name in fields}
    data = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(data + (row.get("weights") or b"")).hexdigest()


def as_json(value: object) -> str:
    """Parameters as text: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
