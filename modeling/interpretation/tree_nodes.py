"""A fitted tree as nodes to draw: where each stands, which lines reach it, and what it says."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from modeling.candidates.trees.tree import TreeModel, as_float32


@dataclass(frozen=True)
class TreeNode:
    """One node. `feature` is −1 for a leaf; lines with a value of at most `threshold` go `left`.

    `number` is its place in the heap (children 2i + 1 and 2i + 2), `x` its place across, in leaves from the
    left (0, 1, ...; a split stands midway between its children). `value` is the mean effect of its `n` lines.
    """

    number: int
    depth: int
    x: float
    feature: int
    threshold: float
    value: float
    n: int

    @property
    def parent(self) -> int:
        """The number of the node above; −1 for the root."""
        return (self.number - 1) // 2 if self.number else -1


def tree_nodes(model: TreeModel, features: Float64[np.ndarray, "lines features"]) -> tuple[TreeNode, ...]:
    """The nodes that lines reach, the root first, then by number; `n` counts the lines given."""
    values = as_float32(features)
    counts: dict[int, int] = {}
    _count(model, values, np.arange(len(values)), 0, counts)
    places: dict[int, float] = {}
    _place(model, 0, places, 0)
    return tuple(
        TreeNode(
            number=number,
            depth=(number + 1).bit_length() - 1,
            x=places[number],
            feature=int(model.feature[number]),
            threshold=float(model.threshold[number]),
            value=float(model.value[number]),
            n=counts[number],
        )
        for number in sorted(places)
    )


def _count(
    model: TreeModel, values: np.ndarray, lines: np.ndarray, node: int, counts: dict[int, int]
) -> None:
    counts[node] = len(lines)
    if model.feature[node] >= 0:
        left = values[lines, model.feature[node]] <= model.threshold[node]
        _count(model, values, lines[left], 2 * node + 1, counts)
        _count(model, values, lines[~left], 2 * node + 2, counts)


def _place(model: TreeModel, node: int, places: dict[int, float], leaves: int) -> int:
    """Place a node and all below it; `leaves` stand to its left; returns how many stand there now."""
    if model.feature[node] < 0:
        places[node] = float(leaves)
        return leaves + 1
    leaves = _place(model, 2 * node + 1, places, leaves)
    leaves = _place(model, 2 * node + 2, places, leaves)
    places[node] = (places[2 * node + 1] + places[2 * node + 2]) / 2
    return leaves
