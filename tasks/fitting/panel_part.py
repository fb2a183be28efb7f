"""A panel of some of its lines, genes and targets."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int64

from tasks.dataset.layers import Layer
from tasks.fitting.fold import Panel


def panel_part(
    panel: Panel,
    lines: Int64[np.ndarray, " lines"],
    genes: Int64[np.ndarray, " genes"],
    targets: Int64[np.ndarray, " targets"],
) -> Panel:
    """A panel of some lines, genes and targets (sorted positions); other layers keep their features."""
    place = np.full(len(panel.genes) + 1, -1, dtype=np.int64)  # the last is that of own = -1
    place[genes] = np.arange(len(genes))
    return replace(
        panel,
        cell_lines=tuple(panel.cell_lines[i] for i in lines),
        genes=tuple(panel.genes[i] for i in genes),
        targets=tuple(panel.targets[i] for i in targets),
        expression=np.ascontiguousarray(panel.expression[np.ix_(lines, genes)]),
        effect=np.ascontiguousarray(panel.effect[np.ix_(lines, targets)]),
        own=place[panel.own[targets]],
        lineages=panel.lineages[lines],
        variable=np.flatnonzero(np.isin(targets, panel.variable)),
        layers=tuple(_layer_part(layer, lines) for layer in panel.layers),
        covariates=None if panel.covariates is None else np.ascontiguousarray(panel.covariates[lines]),
    )


def _layer_part(layer: Layer, lines: Int64[np.ndarray, " lines"]) -> Layer:
    return Layer(layer.name, layer.features, np.ascontiguousarray(layer.values[lines]))
