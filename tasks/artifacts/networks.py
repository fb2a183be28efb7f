"""A fold's shared networks as one file: everything that predicts dependency from expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from modeling.networks.mlp import Perceptron
from modeling.networks.scaling import EffectScaling, GeneScaling
from modeling.networks.shared_networks import predict_by_networks
from tasks.artifacts.codec import Codec

CODEC = Codec("networks", newest=1, metadata_array="said")


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
    return CODEC.write(arrays, metadata)


def networks_of(data: bytes) -> SharedNetworks:
    """What `networks_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, metadata = CODEC.read(data)
    return SharedNetworks(
        {name: Perceptron.from_arrays(arrays, f"{name}/") for name in metadata["networks"]},
        tuple(metadata["genes"]),
        tuple(metadata["targets"]),
        arrays["gene_mean"],
        arrays["gene_scale"],
        EffectScaling(arrays["effect_mean"], float(arrays["effect_scale"][0])),
        metadata["failure"],
    )
