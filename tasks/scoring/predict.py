"""New samples scored with a store's final models: samples x targets, and what was missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32, Float64, Int64

from tasks.errors import BadInputError
from tasks.scoring.linear import needed_modifiers, predict_linear
from tasks.scoring.model_rows import BASIC_CHECKSUM, ModelFiles, Predictions, Rows, model_checksum
from tasks.scoring.samples import gene_columns


class Predictor(Protocol):
    """The method whose models they are; see `tasks.methods.method.Method`."""

    @property
    def checksum_fields(self) -> tuple[str, ...]:
        """The fields of a row that its checksum covers, unless it is linear."""

    def predict(
        self, rows: Rows, place: Mapping[str, int], expression: np.ndarray, files: ModelFiles
    ) -> Predictions:
        """Predictions of the rows that are not linear."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Predictions of every target that has a final model.

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
    method: Predictor,
    files: ModelFiles,
) -> Scored:
    """Predict every target of `models` (rows of one method, in any order) for new samples.

    `expression` is log2(TPM+1) as in training; `genes` are its columns, as symbols or "SYMBOL (entrez)"; a
    value that is NaN or infinite is not known. `files` gives what models on all genes share. Targets come
    sorted. Raises BadInputError for a model whose content is not what was committed.
    """
    # Their order may decide last digits.
    rows = sorted(_checked_rows(models, method.checksum_fields), key=lambda row: row["target"])
    place = gene_columns(genes)
    if np.isinf(expression).any():
        expression = np.where(np.isinf(expression), np.float32(np.nan), expression)
    linear = [i for i, row in enumerate(rows) if is_linear(row)]
    others = [i for i, row in enumerate(rows) if not is_linear(row)]
    predicted = np.full((len(expression), len(rows)), np.nan)
    predicted[:, linear] = predict_linear([rows[i] for i in linear], place, expression)
    made = Predictions(predicted[:, []])
    if others:
        made = method.predict([rows[i] for i in others], place, expression, files)
        predicted[:, others] = made.predicted
    needed = made.genes or tuple(sorted({gene for row in rows for gene in needed_modifiers(row)}))
    return Scored(
        tuple(row["target"] for row in rows),
        predicted,
        _missing(rows, made.genes, place),
        needed,
        *_counts(needed, place, ~np.isnan(expression)),
    )


def is_linear(row: Mapping[str, Any]) -> bool:
    """Whether a row of `models` says all by coefficients: a mean without any, too."""
    return row.get("coefficients") is not None


def checksum_of(row: Mapping[str, Any], fields: tuple[str, ...]) -> str:
    """The sha256 that a row with a model carries; `fields` are the method's."""
    return model_checksum(row, BASIC_CHECKSUM if is_linear(row) else fields)


def _checked_rows(models: pa.Table, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rows that predict; the weights, which for a genome are much, stay in Arrow until used."""
    rows = models.drop_columns(["weights"]).to_pylist()
    for row, weights in zip(rows, models.column("weights"), strict=True):
        if row["kind"] is None:
            continue
        if checksum_of(row | {"weights": weights.as_py()}, fields) != row["sha256"]:
            raise BadInputError(f"model of {row['target']}: its content does not have the sha256 it carries")
        yield row | {"weights": weights}


def _missing(
    rows: Rows, shared: tuple[str, ...] | None, place: Mapping[str, int]
) -> dict[str, tuple[str, ...]]:
    """By target, the genes its model needs that no column holds; `shared` by those that are not linear."""
    of_all = tuple(gene for gene in shared or () if gene not in place)
    lacking = {
        row["target"]: of_all
        if shared is not None and not is_linear(row)
        else tuple(gene for gene in needed_modifiers(row) if gene not in place)
        for row in rows
    }
    return {target: genes for target, genes in lacking.items() if genes}


def count_known(
    needed: Sequence[str], genes: Sequence[str], expression: Float32[np.ndarray, "samples genes"]
) -> tuple[Int64[np.ndarray, " needed"], Int64[np.ndarray, " samples"]]:
    """In how many samples each gene is not known, and how many of the genes each sample knows.

    `genes` and `expression` are the samples', as `score_samples` takes them.
    """
    return _counts(needed, gene_columns(genes), np.isfinite(expression))


def _counts(
    needed: Sequence[str], place: Mapping[str, int], has: Bool[np.ndarray, "samples genes"]
) -> tuple[Int64[np.ndarray, " needed"], Int64[np.ndarray, " samples"]]:
    columns = np.array([place.get(gene, -1) for gene in needed], dtype=np.int64)
    unknown = np.full(len(needed), len(has))
    unknown[columns >= 0] -= has.sum(axis=0)[columns[columns >= 0]]
    return unknown, has[:, columns[columns >= 0]].sum(axis=1)
