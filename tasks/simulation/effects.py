"""Simulated gene effects on Chronos's scale: about 0 where a knockout does nothing, about -1 where it kills.

A planted target is its modifiers' part plus noise of its own; the weights are kept as the truth.
"""

from dataclasses import dataclass

import numpy as np

from tasks.simulation.genes import ESSENTIAL, LINEAGE, LINEAR, NEAR_CONSTANT, NOISE, OWN, PARALOG, GenePlan

MOST_MODIFIERS = 20
WEAKEST, STRONGEST = 0.1, 0.8  # planted |r| of a linear modifier, as asked of the weights


@dataclass(frozen=True)
class Planted:
    """One modifier put into one target, both as gene numbers of the plan.

    `weight` is signed, in units of gene effect: what the target gains per standard deviation of the
    modifier's expression (linear), or from the modifier's absence to its full expression (the other kinds).
    """

    target: int
    modifier: int
    kind: str
    weight: float


def effect_matrix(
    plan: GenePlan, expression: np.ndarray, lineage_of_line: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, list[Planted]]:
    """Gene effects f32[cell_lines, screened genes] to 6 decimals, none missing yet; and what was planted.

    Targets without modifiers are independent normal noise around a mean: whatever is found for them is false.
    """
    kind = plan.kind[plan.screened]
    mean, spread = _levels(kind, rng)
    effect = rng.standard_normal((len(expression), len(kind)))
    usable = _usable_modifiers(expression)
    planted: list[Planted] = []
    for column in np.flatnonzero(np.isin(kind, (LINEAR, PARALOG, OWN, LINEAGE))).tolist():
        target = int(plan.screened[column])
        if kind[column] == LINEAR:
            modifiers, weights = _choose_modifiers(target, plan.module, usable, rng)
            effect[:, column] *= np.sqrt(1.0 - (weights**2).sum())
            effect[:, column] += _weighted_sum(expression, modifiers, weights)
        else:
            modifiers, weights, signal = _switch(target, plan, expression, lineage_of_line, rng)
            weights = weights / spread[column]
            effect[:, column] += weights * signal
        planted += [
            Planted(target, modifier, str(kind[column]), weight)
            for modifier, weight in zip(modifiers.tolist(), (weights * spread[column]).tolist(), strict=True)
        ]
    effect *= spread
    effect += mean
    return np.round(effect, 6, out=effect).astype(np.float32), planted


def _levels(kind: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every target's noise, by its kind."""
    ranges = {  # mean, its spread, lowest and highest standard deviation
        NEAR_CONSTANT: (-0.02, 0.06, 0.03, 0.085),
        ESSENTIAL: (-1.0, 0.20, 0.05, 0.20),
        NOISE: (-0.15, 0.15, 0.13, 0.40),
        LINEAR: (-0.30, 0.20, 0.13, 0.45),
        PARALOG: (-0.10, 0.08, 0.10, 0.30),
        OWN: (-0.10, 0.08, 0.10, 0.30),
        LINEAGE: (-0.10, 0.08, 0.10, 0.25),
    }
    table = np.array([ranges[name] for name in kind])
    mean = table[:, 0] + table[:, 1] * rng.standard_normal(len(kind))
    return mean, rng.uniform(table[:, 2], table[:, 3])


def _usable_modifiers(expression: np.ndarray) -> np.ndarray:
    """Genes expressed widely and variably enough to modify anything: gene numbers, ascending."""
    varies = expression.std(axis=0, dtype=np.float64) > 0.4
    return np.flatnonzero(varies & ((expression == 0).mean(axis=0) < 0.3))


def _choose_modifiers(
    target: int, module: np.ndarray, usable: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """1 to 20 modifiers and their signed r; no two of one module, or one's mates could hide the other."""
    candidates = rng.permutation(usable[usable != target])
    _, first_of_module = np.unique(module[candidates], return_index=True)
    candidates = candidates[np.sort(first_of_module)]
    odds = 1.0 / np.arange(1, min(MOST_MODIFIERS, len(candidates)) + 1)
    n_modifiers = 1 + rng.choice(len(odds), p=odds / odds.sum())
    return candidates[:n_modifiers], _weights(n_modifiers, rng) * rng.choice([-1.0, 1.0], n_modifiers)


def _weighted_sum(expression: np.ndarray, genes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of standardised columns times weights, one after the other: the order fixes the last bits."""
    total = np.zeros(len(expression))
    for gene, weight in zip(genes, weights, strict=True):
        column = expression[:, gene].astype(np.float64)
        total += weight * (column - column.mean()) / column.std()
    return total


def _weights(n_modifiers: int, rng: np.random.Generator) -> np.ndarray:
    """|r| of each modifier, strongest first: 0.1 to 0.8, their squares summing to 0.76 at most."""
    explained = max(rng.uniform(0.15, 0.87) ** 2, 1.2 * n_modifiers * WEAKEST**2)
    shares = rng.dirichlet(np.full(n_modifiers, 0.8))
    squares = WEAKEST**2 + shares * (explained - n_modifiers * WEAKEST**2)
    return np.sort(np.minimum(np.sqrt(squares), STRONGEST))[::-1]


def _switch(
    target: int, plan: GenePlan, expression: np.ndarray, lineage_of_line: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Essential only where something is switched: partner lost, own gene high, or line of one lineage.

    Returns the modifier and its weight, one of each, and the signal that the weight scales: 0 where nothing
    is switched, else up to 1; for a lost partner down to -1, as its weight is positive.
    """
    depth = rng.uniform(0.3, 1.2)
    kind = plan.kind[target]
    if kind == LINEAGE:
        marker = plan.marker_of[target]
        lineage = plan.marker_lineage[np.searchsorted(plan.markers, marker)]
        return np.array([marker]), np.array([-depth]), (lineage_of_line == lineage).astype(np.float64)
    modifier = plan.partner[target] if kind == PARALOG else target
    level = expression[:, modifier].astype(np.float64)
    if kind == PARALOG:
        return np.array([modifier]), np.array([depth]), _sigmoid(level - 0.4 * np.median(level)) - 1.0
    middle = (np.median(level) + np.quantile(level, 0.98)) / 2
    return np.array([modifier]), np.array([-depth]), _sigmoid(level - middle)


def _sigmoid(value: np.ndarray, width: float = 0.4) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-value / width))
