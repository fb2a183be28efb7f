"""Does selection find what was planted, and nothing where nothing was? Run with -s to see the recall."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from modeling.selection.prepared import group_by_missing, prepare_genes
from modeling.selection.select import Modifiers, SelectionSettings, select
from tasks.simulation.biology import Simulation, simulate_arrays

BINS = np.round(np.arange(0.1, 0.81, 0.1), 1)


@dataclass(frozen=True)
class Selected:
    """A simulation, and for each of its targets what selection kept."""

    simulation: Simulation
    modifiers: list[Modifiers]
    classes: np.ndarray

    @property
    def planted(self) -> pd.DataFrame:
        """The truth with a column `found`: whether selection kept the modifier for the target."""
        world, truth = self.simulation, self.simulation.truth.to_pandas()
        target = {name: number for number, name in enumerate(world.targets)}
        gene = {name: number for number, name in enumerate(world.genes)}
        truth["found"] = [
            gene[modifier] in self.modifiers[target[name]].genes
            for name, modifier in zip(truth["target"], truth["modifier"], strict=True)
        ]
        return truth


@pytest.fixture(scope="module")
def selected() -> Selected:
    world = simulate_arrays(600, 2000, seed=2)
    kept: list[Modifiers | None] = [None] * len(world.targets)
    for present, targets in group_by_missing(world.effect):
        genes = prepare_genes(world.expression[present])
        effects = world.effect[np.ix_(present, targets)].astype(np.float64)
        for target, modifiers in zip(targets, select(genes, effects, SelectionSettings()), strict=True):
            kept[target] = modifiers
    assert all(modifiers is not None for modifiers in kept)
    return Selected(world, kept, np.array(world.truth_targets["class"].to_pylist()))


@pytest.mark.long
def test_planted_modifiers_are_recovered_and_more_of_them_the_stronger_they_are(selected):
    planted = selected.planted
    strength = pd.cut(planted["planted_pearson"].abs(), BINS)
    recall = planted.groupby(strength, observed=True)["found"].agg(["size", "mean"])
    print(f"\nrecall of planted modifiers by |r|, 600 lines x 2000 genes\n{recall.round(3)}")
    assert len(recall) == len(BINS) - 1
    assert (recall["size"] >= 15).all()
    found = recall["mean"].to_numpy()
    # From r = 0.3 on the power at 600 lines is all but 1; only mates of a stronger one can crowd one out.
    assert found[0] < 0.6
    assert found[1] > 0.6
    assert (found[2:] > 0.9).all()
    assert found[4:].mean() > 0.97


@pytest.mark.parametrize("kind", ["paralog", "own", "lineage"])
def test_switches_are_recovered_though_they_are_not_linear(selected, kind):
    planted = selected.planted
    strong = planted[(planted["kind"] == kind) & (planted["planted_pearson"].abs() > 0.3)]
    assert len(strong) >= 20
    assert strong["found"].mean() > 0.95


def test_a_modifier_kept_by_pearson_has_the_planted_correlation(selected):
    """Ties the selection's numbers to the truth's: same target, same gene, same lines, same r."""
    world = selected.simulation
    for row in selected.planted.query("found").iloc[::11].itertuples():
        modifiers = selected.modifiers[world.targets.index(row.target)]
        place = np.flatnonzero(modifiers.genes == world.genes.index(row.modifier))[0]
        assert modifiers.pearson[place] == pytest.approx(row.planted_pearson, abs=1e-9)


@pytest.mark.parametrize(
    ("test", "bound"), [("by_pearson", 0.05), ("by_spearman", 0.05), ("by_chi2", 0.05), (None, 0.15)]
)
def test_targets_of_pure_noise_seldom_get_modifiers(selected, test, bound):
    """Their noise is independent, so how many have a modifier is binomial; allowed are 3 standard errors."""
    pure = np.flatnonzero(np.isin(selected.classes, ["noise", "near_constant", "common_essential"]))
    kept = [selected.modifiers[target] for target in pure]
    any_kept = [len(one) > 0 if test is None else getattr(one, test).any() for one in kept]
    share = np.mean(any_kept)
    print(f"\npure noise: {test or 'union'} keeps something for {share:.1%} of {len(pure)} targets")
    assert len(pure) > 1000
    assert share <= bound + 3 * np.sqrt(bound * (1 - bound) / len(pure))
    assert share > 0  # a test that keeps nothing is not at its level
