from pathlib import Path

import numpy as np
import pytest

from tasks.dataset.dataset import Dataset, write_dataset
from tasks.dataset.target_facts import classify, missing_pattern_order, target_facts


@pytest.mark.parametrize(
    ("mean", "sd", "measure", "found"),
    [
        (0.1, 0.11, "dependency", "variable"),
        (0.1, 0.1, "dependency", "near 0"),
        (0.49, 0.05, "dependency", "near 0"),
        (0.5, 0.05, "dependency", "near 1"),
        (0.98, 0.0, "dependency", "near 1"),
        (-0.1, 0.09, "effect", "near 0"),
        (0.4, 0.09, "effect", "near 0"),
        (-0.5, 0.09, "effect", "near 1"),
        (-1.2, 0.09, "effect", "near 1"),
        (-1.2, 0.2, "effect", "variable"),
        (0.02, 0.09, "level", "near 0"),
        (1.0, 0.09, "level", "near 1"),
        (1.99, 0.05, "level", "near 1"),
    ],
)
def test_classes_by_spread_and_side_of_the_cut(mean, sd, measure, found):
    assert classify(mean, sd, measure) == found


def test_another_measure_is_an_error():
    with pytest.raises(ValueError, match="expected one of"):
        classify(0.0, 0.0, "ceres")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A varies; B is constant; C has one line; D has none; E misses the same line as A does."""
    nan = np.nan
    effect = np.array([[0, -1, nan, nan, 1], [1, -1, 0.25, nan, 2], [nan, -1, nan, nan, nan]])
    lines = ["L1", "L2", "L3"]
    return write_dataset(
        tmp_path / "d",
        expression=np.ones((3, 1)),
        effect=effect,
        cell_lines=lines,
        genes=["C"],
        targets=list("ABCDE"),
    )


def test_facts_are_of_the_lines_measured(dataset: Dataset):
    facts = target_facts(dataset).to_pydict()
    assert facts["class"] == ["variable", "near 1", "near 0", "", "variable"]
    assert facts["mean"] == [0.5, -1.0, 0.25, None, 1.5]
    assert facts["sd"] == [pytest.approx(0.5**0.5), 0.0, 0.0, None, pytest.approx(0.5**0.5)]
    assert facts["own_expression"] == [False, False, True, False, False]


def test_targets_missing_on_the_same_lines_stand_side_by_side(dataset: Dataset):
    assert missing_pattern_order(dataset) == {"A": 0, "E": 1, "B": 2, "C": 3, "D": 4}
