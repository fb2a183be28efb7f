"""A part of a panel, line by line beside the whole."""

from pathlib import Path

import numpy as np

from tasks.dataset.dataset import Dataset
from tasks.fitting.fold import panel_of
from tasks.fitting.panel_part import panel_part


def test_a_part_of_a_panel_holds_the_same_numbers(small_dataset: Path) -> None:
    panel = panel_of(Dataset.open(small_dataset))
    lines, genes, targets = np.array([3, 7, 8, 20]), np.array([0, 5, 9]), np.array([1, 5, 9, 30])
    part = panel_part(panel, lines, genes, targets)
    for i, line in enumerate(lines):
        assert part.cell_lines[i] == panel.cell_lines[line]
        assert part.lineages[i] == panel.lineages[line]
        for j, gene in enumerate(genes):
            assert part.expression[i, j] == panel.expression[line, gene]
        for j, target in enumerate(targets):
            np.testing.assert_equal(part.effect[i, j], panel.effect[line, target])
    for j, target in enumerate(targets):
        own = panel.own[target]
        expected = panel.genes[own] if own in genes else None
        assert (part.genes[part.own[j]] if part.own[j] >= 0 else None) == expected
        assert (j in part.variable) == (target in panel.variable)
