"""The expression that final models on all genes forecast from: one file that all targets share."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from safetensors.numpy import load, save

from tasks.errors import BadInputError

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Training:
    """What every cell line of a Dataset expresses, log2(TPM+1), nothing missing."""

    cell_lines: tuple[str, ...]
    genes: tuple[str, ...]
    expression: Float32[np.ndarray, "cell_lines genes"]


def training_bytes(
    cell_lines: Sequence[str], genes: Sequence[str], expression: Float32[np.ndarray, "cell_lines genes"]
) -> bytes:
    """The file's bytes, equal for equal input: safetensors with `expression`, and `names` as JSON."""
    said = {"format": FORMAT, "cell_lines": list(cell_lines), "genes": list(genes)}
    names = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return save(
        {
            "expression": np.ascontiguousarray(expression, dtype=np.float32),
            "names": np.frombuffer(names, dtype=np.uint8),
        }
    )


def training_of(data: bytes) -> Training:
    """What `training_bytes` wrote; the caller has checked the sha256 of `data`.

    Raises BadInputError for a file of a newer version.
    """
    arrays = load(data)
    said = json.loads(arrays["names"].tobytes())
    if said["format"] > FORMAT:
        raise BadInputError(
            f"training expression of format {said['format']}, written by a newer Knockcast; this one reads "
            f"format {FORMAT} and older: install the newer version to predict from this store"
        )
    return Training(tuple(said["cell_lines"]), tuple(said["genes"]), arrays["expression"])
