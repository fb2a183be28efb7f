"""The expression that final models on all genes predict from: one file that all targets share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from tasks.artifacts.codec import Codec

CODEC = Codec("training expression", newest=1)


@dataclass(frozen=True, eq=False)
class Training:
    """What every cell line of a Dataset expresses, log2(TPM+1), nothing missing."""

    cell_lines: tuple[str, ...]
    genes: tuple[str, ...]
    expression: Float32[np.ndarray, "cell_lines genes"]


def training_bytes(
    cell_lines: Sequence[str], genes: Sequence[str], expression: Float32[np.ndarray, "cell_lines genes"]
) -> bytes:
    """The file's bytes, equal for equal input."""
    names = {"cell_lines": list(cell_lines), "genes": list(genes)}
    return CODEC.write({"expression": np.asarray(expression, dtype=np.float32)}, names)


def training_of(data: bytes) -> Training:
    """What `training_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, names = CODEC.read(data)
    return Training(tuple(names["cell_lines"]), tuple(names["genes"]), arrays["expression"])
