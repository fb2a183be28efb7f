from pathlib import Path

import numpy as np
import pytest

from tasks.dataset.checks import check_enough_lines, check_lineages, doubt_about, range_in_words
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError


def test_fewer_lines_than_folds_are_reported(tmp_path):
    values = np.zeros((32, 1))
    lines = [f"L{i}" for i in range(32)]
    few, dataset = (
        write_dataset(
            tmp_path / name,
            expression=values[:n],
            effect=values[:n],
            cell_lines=lines[:n],
            genes=["G"],
            targets=["G"],
        )
        for name, n in (("few", 29), ("enough", 32))
    )
    check_enough_lines(dataset, 32)
    with pytest.raises(BadInputError, match="32 cell lines are fewer than the 33 folds"):
        check_enough_lines(dataset, 33)
    with pytest.raises(BadInputError, match="29 cell lines; at least 30 are needed"):
        check_enough_lines(few, 2)
    with pytest.raises(BadInputError, match="--folds 1"):
        check_enough_lines(dataset, 1)


def dataset_of(path: Path, sizes: dict[str, int]) -> Dataset:
    lineages = [name for name, size in sizes.items() for _ in range(size)]
    values = np.zeros((len(lineages), 1))
    lines = [f"L{i}" for i in range(len(lineages))]
    return write_dataset(
        path,
        expression=values,
        effect=values,
        cell_lines=lines,
        genes=["G"],
        targets=["G"],
        lineages=lineages,
    )


def test_the_largest_lineages_are_named_where_none_can_be_held_out(tmp_path):
    check_lineages(dataset_of(tmp_path / "enough", {"Lung": 40, "": 30}))
    small = dataset_of(tmp_path / "small", {"": 50, "B": 12, "A": 39, "C": 12, "D": 5, "E": 4, "F": 3})
    with pytest.raises(
        BadInputError, match="at least 40 cell lines; the largest are A 39, B 12, C 12, D 5, E 4;"
    ):
        check_lineages(small)
    with pytest.raises(BadInputError, match="no line has a known lineage"):
        check_lineages(dataset_of(tmp_path / "unknown", {"": 50}))
    with pytest.raises(BadInputError, match=r"without lineage Lung \(60 lines\) 29 cell lines are left"):
        check_lineages(dataset_of(tmp_path / "one", {"Lung": 60, "Skin": 29}))


@pytest.mark.parametrize(
    ("values", "words"),
    [([0, 17], ""), ([0, 31], "without logarithm"), ([-0.5, 3], "differences"), ([np.nan, np.inf], "")],
)
def test_expression_that_cannot_be_log2_tpm_is_doubted(values: list[float], words: str):
    doubt = doubt_about(np.array(values))
    assert words in doubt
    assert bool(doubt) == bool(words)


def test_the_range_is_of_known_values():
    assert range_in_words(np.array([np.nan, 1.5, np.inf, 12.0])) == "values from 1.5 to 12"
