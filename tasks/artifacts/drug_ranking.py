"""The final model that ranks drugs for new samples as one file."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32

from modeling.kernels.kernels import Laplacian
from modeling.profiles.drug_ranking import FEATURES, DrugWeights, Ranking
from tasks.artifacts.codec import Codec

CODEC = Codec("drug ranking", newest=1)


@dataclass(frozen=True, eq=False)
class DrugRanking:
    """What was learned of each drug, and the training lines that new samples are compared with.

    `expression` is log2(TPM+1), nothing missing.
    """

    genes: tuple[str, ...]
    drugs: tuple[str, ...]
    cell_lines: tuple[str, ...]
    expression: Float32[np.ndarray, "cell_lines genes"]
    model: Ranking


def ranking_bytes(
    genes: Sequence[str],
    drugs: Sequence[str],
    cell_lines: Sequence[str],
    expression: Float32[np.ndarray, "cell_lines genes"],
    model: Ranking,
) -> bytes:
    """The file's bytes, equal for equal input."""
    names = {
        "genes": list(genes),
        "drugs": list(drugs),
        "cell_lines": list(cell_lines),
        "kernel": model.kernel.parameters(),
    }
    arrays = {
        "expression": np.asarray(expression, dtype=np.float32),
        "mean": model.mean,
        "sd": model.sd,
        "count": model.count,
    }
    for features, weights in model.weights.items():
        arrays |= {f"{features}.{name}": value for name, value in vars(weights).items()}
    return CODEC.write(arrays, names)


def ranking_of(data: bytes) -> DrugRanking:
    """What `ranking_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, names = CODEC.read(data)
    weights = {
        features: DrugWeights(*(arrays[f"{features}.{field.name}"] for field in fields(DrugWeights)))
        for features in FEATURES
    }
    kernel = Laplacian(**names["kernel"])
    return DrugRanking(
        tuple(names["genes"]),
        tuple(names["drugs"]),
        tuple(names["cell_lines"]),
        arrays["expression"],
        Ranking(kernel, weights, arrays["mean"], arrays["sd"], arrays["count"]),
    )
