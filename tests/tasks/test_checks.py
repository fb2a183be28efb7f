import numpy as np
import pytest

from tasks.checks import check_enough_lines
from tasks.dataset import write_dataset
from tasks.problems import BadInputError


def test_fewer_lines_than_folds_are_told(tmp_path):
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
