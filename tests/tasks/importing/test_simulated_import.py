"""A simulated release, imported: every layout gives back the very numbers that were simulated."""

from pathlib import Path

import numpy as np
import pytest

from tasks.importing.importer import import_release
from tasks.simulation.biology import simulate_arrays
from tasks.simulation.release_files import LAYOUTS
from tasks.simulation.simulate import simulate_release


@pytest.mark.parametrize("layout", LAYOUTS)
def test_importing_gives_back_the_simulated_arrays(tmp_path: Path, layout: str):
    lines, genes, seed = 60, 120, 3
    world = simulate_arrays(lines, genes, seed, unshared=8)
    dataset = import_release(
        simulate_release(tmp_path / "release", lines, genes, layout, seed), out=tmp_path / "d"
    )

    assert dataset.measure == "effect"
    assert set(dataset.cell_lines) == set(world.cell_lines[:lines])
    assert set(dataset.genes) == set(world.genes)
    assert set(dataset.targets) == set(world.targets)
    rows = [world.cell_lines.index(line) for line in dataset.cell_lines]
    genes_of = [world.genes.index(gene) for gene in dataset.genes]
    targets_of = [world.targets.index(target) for target in dataset.targets]
    np.testing.assert_array_equal(dataset.expression, world.expression[np.ix_(rows, genes_of)])
    np.testing.assert_array_equal(dataset.effect, world.effect[np.ix_(rows, targets_of)])
    np.testing.assert_array_equal(dataset.gene_entrez, world.gene_entrez[genes_of])
    own = [dataset.genes[column] if column >= 0 else "" for column in dataset.own]
    assert own == [target if target in world.genes else "" for target in dataset.targets]
    if layout != "22Q2":  # which has its own names for lineages
        assert list(dataset.lineages) == [world.lineages[row] for row in rows]
    assert all(dataset.lineages)
