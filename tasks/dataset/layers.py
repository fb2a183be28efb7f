"""Layers: what else was measured on a Dataset's cell lines beside expression and effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32

from tasks.dataset import format as files
from tasks.errors import BadInputError

MUTATIONS, COPY_NUMBER, PROTEIN, COVARIATES = "mutations", "copy_number", "protein", "covariates"
LAYERS = (MUTATIONS, COPY_NUMBER, PROTEIN, COVARIATES)  # the order in which a Dataset holds them
FEATURES_FILE = "layers.parquet"


@dataclass(frozen=True, eq=False)
class Layer:
    """One further kind of measurement of every cell line, in the order of the Dataset's lines.

    NaN is not measured; a line that lacks the layer has a row of NaN alone. By `name`: "mutations" (how many
    copies are hit: 0, 1, 2), "copy_number" (log2(x + 1) of the number relative to the line's mean),
    "protein" (as it was given), "covariates" (numbers, and 0 or 1 for words). No feature is constant.
    """

    name: str
    features: tuple[str, ...]
    values: Float32[np.ndarray, "cell_lines features"]

    @property
    def measured(self) -> Bool[np.ndarray, " cell_lines"]:
        """Which lines have the layer: a value of one feature at least."""
        return ~np.isnan(self.values).all(axis=1)


def in_order(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The same layers as a Dataset holds them: tidied values, in the order of `LAYERS`.

    Raises:
        ValueError: an unknown name, one given twice, a feature given twice, infinite values.
    """
    names = [layer.name for layer in layers]
    if unknown := sorted(set(names) - set(LAYERS)):
        raise ValueError(f"layer {unknown[0]!r}: expected one of {', '.join(LAYERS)}")
    if len(set(names)) != len(names):
        raise ValueError("a layer is given twice")
    for layer in layers:
        if len(set(layer.features)) != len(layer.features):
            raise ValueError(f"layer {layer.name} holds a feature twice")
        if np.isinf(layer.values).any():
            raise ValueError(f"layer {layer.name} has infinite values; missing ones are NaN")
    held = {
        layer.name: Layer(layer.name, tuple(layer.features), files.tidy(layer.values)) for layer in layers
    }
    return tuple(held[name] for name in LAYERS if name in held)


def write_layers(folder: Path, layers: Sequence[Layer]) -> None:
    """Writes the layers into a Dataset's folder; nothing where there are none."""
    if not layers:
        return
    pairs = [(layer.name, feature) for layer in layers for feature in layer.features]
    table = pa.table({"layer": [name for name, _ in pairs], "feature": [feature for _, feature in pairs]})
    files.write_table(folder / FEATURES_FILE, table)
    for layer in layers:
        files.write_array(folder / _array_file(layer.name), layer.values)


def read_layers(folder: Path, names: Sequence[str]) -> tuple[Layer, ...]:
    """The layers of a Dataset's folder, their values memory-mapped.

    Raises:
        BadInputError: a file is missing or damaged.
    """
    if not names:
        return ()
    table = files.read_table(folder / FEATURES_FILE)
    features: dict[str, list[str]] = {name: [] for name in names}
    for name, feature in zip(
        table.column("layer").to_pylist(), table.column("feature").to_pylist(), strict=True
    ):
        if name not in features:
            raise BadInputError(
                f"{folder / FEATURES_FILE}: damaged: layer {name!r}; import the release again"
            )
        features[name].append(feature)
    return tuple(
        Layer(name, tuple(features[name]), files.read_array(folder / _array_file(name))) for name in names
    )


def array_of(name: str) -> str:
    """How a layer's values are called in the content hash."""
    return f"layer {name}"


def _array_file(name: str) -> str:
    return f"layer_{name}.npy"
