"""The files that final models share: networks, training expression, and the ranking of drugs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32, Float64

from modeling.kernels.kernels import Laplacian
from modeling.networks.mlp import Perceptron
from modeling.networks.scaling import EffectScaling, GeneScaling
from modeling.networks.shared_networks import predict_by_networks
from modeling.profiles.drug_ranking import FEATURES, DrugWeights, Ranking
from tasks.artifacts.codec import Codec

NETWORKS = Codec("networks", newest=1, metadata_array="said")


@dataclass(frozen=True, eq=False)
class SharedNetworks:
    """The networks of one fold by name, the genes they take and the targets they give, in order.

    `failure` is why they cannot be used; empty where they can.
    """

    networks: dict[str, Perceptron]
    genes: tuple[str, ...]
    targets: tuple[str, ...]
    gene_mean: Float32[np.ndarray, " genes"]
    gene_scale: Float32[np.ndarray, " genes"]
    effect: EffectScaling
    failure: str = ""

    def predict(
        self, expression: Float32[np.ndarray, "samples genes"]
    ) -> Float64[np.ndarray, "samples targets"]:
        """The effect of every target. NaN where expression is not known: the training mean stands in."""
        scaled = np.nan_to_num((expression - self.gene_mean) / self.gene_scale, nan=0.0)
        return self.effect.effect(predict_by_networks(self.networks, scaled)).astype(np.float64)


def networks_bytes(
    networks: Mapping[str, Perceptron],
    genes: Sequence[str],
    targets: Sequence[str],
    scaling: GeneScaling,
    effect: EffectScaling,
    failure: str,
) -> bytes:
    """The file's bytes, equal for equal input; `genes` names those that `scaling` keeps."""
    metadata = {
        "networks": sorted(networks),
        "genes": list(genes),
        "targets": list(targets),
        "failure": failure,
    }
    arrays = {
        "gene_mean": scaling.mean,
        "gene_scale": scaling.scale,
        "effect_mean": effect.mean,
        "effect_scale": np.array([effect.scale]),
    }
    for name, network in networks.items():
        arrays |= network.arrays(f"{name}/")
    return NETWORKS.write(arrays, metadata)


def networks_of(data: bytes) -> SharedNetworks:
    """What `networks_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, metadata = NETWORKS.read(data)
    return SharedNetworks(
        {name: Perceptron.from_arrays(arrays, f"{name}/") for name in metadata["networks"]},
        tuple(metadata["genes"]),
        tuple(metadata["targets"]),
        arrays["gene_mean"],
        arrays["gene_scale"],
        EffectScaling(arrays["effect_mean"], float(arrays["effect_scale"][0])),
        metadata["failure"],
    )


TRAINING_EXPRESSION = Codec("training expression", newest=1)


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
    return TRAINING_EXPRESSION.write({"expression": np.asarray(expression, dtype=np.float32)}, names)


def training_sha256(
    cell_lines: Sequence[str], genes: Sequence[str], expression: Float32[np.ndarray, "cell_lines genes"]
) -> str:
    """The sha256 of the file, which names it in a store."""
    return hashlib.sha256(training_bytes(cell_lines, genes, expression)).hexdigest()


def training_of(data: bytes) -> Training:
    """What `training_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, names = TRAINING_EXPRESSION.read(data)
    return Training(tuple(names["cell_lines"]), tuple(names["genes"]), arrays["expression"])


DRUG_RANKING = Codec("drug ranking", newest=1)


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
    return DRUG_RANKING.write(arrays, names)


def ranking_of(data: bytes) -> DrugRanking:
    """What `ranking_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, names = DRUG_RANKING.read(data)
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
