"""A Dataset's layers as method `best` uses them with `--inputs all`: on what expression leaves over."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from modeling.borrowing.gate import Gate, GateGenes, fit_gates, gate_genes, residuals_after
from modeling.borrowing.layers import LayerFits, LayerView, fit_layers, layer_view, standardised_layer
from modeling.candidates.choice import Trial
from modeling.folds import Fold
from tasks.borrowing.lines import gate_order
from tasks.fitting.fold import MethodSettings, Panel

LAYER_GATE = "layers_gate"
UNTIMED = float("nan")  # what a part of `best` took by itself is not known


@dataclass(frozen=True, eq=False)
class PreparedLayers:
    """One fold's layers: a view of each, and all features together for a gate.

    `names` are those features, "layer: feature"; `new` is their standardised values on the test lines.
    """

    views: tuple[LayerView, ...]
    names: tuple[str, ...]
    genes: GateGenes
    new: Float32[np.ndarray, "test features"]

    def of(self, present: Bool[np.ndarray, " training_lines"]) -> "PreparedLayers":
        """For targets that are measured on these training lines."""
        views = tuple(view.of(present) for view in self.views)
        return replace(self, views=views, genes=self.genes.of(present))


@dataclass(frozen=True, eq=False)
class LayersTile:
    """What the layers add for a tile of targets: open gates, then each layer's share."""

    gates: list[Gate]
    fits: list[LayerFits]
    added: Float64[np.ndarray, "test tile"]


def prepare_layers(panel: Panel, fold: Fold, settings: MethodSettings) -> PreparedLayers | None:
    """The layers of a panel; None where it has none, or the run reads expression alone."""
    if settings.inputs == "expression" or not panel.layers:
        return None
    scaled = [standardised_layer(e.values[fold.train], e.values[fold.test]) for e in panel.layers]
    return PreparedLayers(
        tuple(layer_view(layer.name, *z) for layer, z in zip(panel.layers, scaled, strict=True)),
        tuple(f"{layer.name}: {feature}" for layer in panel.layers for feature in layer.features),
        gate_genes(np.hstack([train for train, _ in scaled]), gate_order(len(fold.train), settings, fold)),
        np.hstack([new for _, new in scaled]),
    )


def fit_layers_tile(
    prepared: PreparedLayers,
    effects: Float64[np.ndarray, "lines tile"],
    residuals: Float64[np.ndarray, "lines tile"],
    present: Bool[np.ndarray, " training_lines"],
) -> LayersTile:
    """A gate of single features (a driver mutation, say) on the residuals, then each layer as a whole.

    `prepared` is `PreparedLayers.of` the lines that are present.
    """
    genes = prepared.genes
    gates = fit_gates(genes, effects, residuals)
    added = np.zeros((len(prepared.new), effects.shape[1]))
    for column, gate in enumerate(gates):
        added[:, column] = gate.added(prepared.new[:, gate.genes].astype(np.float64))
    fits = fit_layers(prepared.views, residuals_after(genes, gates, residuals), present)
    for each in fits:
        added += each.added
    return LayersTile(gates, fits, added)


def layer_trials(prepared: PreparedLayers, tile: LayersTile, column: int) -> Iterator[Trial]:
    """One target's rows of `candidates`: which features and which layers counted, and how much."""
    gate = tile.gates[column]
    said: dict[str, float | int | str] = {"gain": float(f"{gate.gain:.12g}")}
    said |= {prepared.names[g]: float(f"{w:.12g}") for g, w in zip(gate.genes, gate.weights, strict=True)}
    yield Trial(LAYER_GATE, said, float("nan"), len(gate.genes) > 0, UNTIMED, "ok", "")
    for view, fits in zip(prepared.views, tile.fits, strict=True):
        share = float(f"{fits.share[column]:.12g}")
        parameters = {"share": share, "penalty": float(fits.penalty[column])}
        yield Trial(view.name, parameters, float("nan"), share > 0, UNTIMED, "ok", "")
