"""The alignment equals what a few plain pandas steps give."""

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.importing.alignment import align
from tasks.importing.matrices import Matrix


def as_matrix(frame: pd.DataFrame) -> Matrix:
    values = np.ascontiguousarray(frame.to_numpy(dtype=np.float32).T)
    return Matrix("file", list(frame.index), list(frame.columns), values)


def plain(
    effect: pd.DataFrame, expression: pd.DataFrame, coverage: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    shared = sorted(set(effect.index) & set(expression.index))
    kept = expression.loc[shared]
    kept = kept.loc[:, kept.notna().mean() >= coverage].dropna(axis="index")
    return effect.loc[kept.index], kept


@pytest.mark.parametrize("seed", range(12))
def test_lines_and_genes_kept_are_those_of_the_plain_steps(seed):
    rng = np.random.default_rng(seed)
    lines = [f"L{i:02d}" for i in rng.permutation(40)]
    effect = pd.DataFrame(rng.normal(size=(30, 7)), index=lines[:30], columns=[f"T{i}" for i in range(7)])
    effect = effect.mask(rng.random(effect.shape) < 0.2)
    # 700 genes: more than one block of the copying; a few with many gaps, a few lines with one.
    expression = pd.DataFrame(
        rng.normal(size=(32, 700)), index=lines[8:], columns=[f"G{i}" for i in range(700)]
    )
    gappy = rng.random(700) < 0.1
    expression = expression.mask(gappy & (rng.random(expression.shape) < 0.9))
    coverage = float(rng.choice([0.5, 0.9, 1.0]))
    if seed % 3:
        expression.iloc[1, rng.choice(np.flatnonzero(~gappy))] = np.nan
        expression.iloc[[4, 7], rng.choice(np.flatnonzero(~gappy))] = np.nan
    wanted_effect, wanted_expression = plain(effect, expression, coverage)
    assert 0 < len(wanted_expression) <= 22
    assert wanted_expression.shape[1] > 512
    found = align(as_matrix(effect), as_matrix(expression), coverage)
    assert found.cell_lines == list(wanted_expression.index)
    assert list(found.genes.labels) == list(wanted_expression.columns)
    np.testing.assert_array_equal(found.expression, wanted_expression.to_numpy(dtype=np.float32))
    np.testing.assert_array_equal(found.effect, wanted_effect.to_numpy(dtype=np.float32))
    assert found.expression.flags.c_contiguous


def test_a_coverage_just_met_is_enough():
    lines = [f"L{i}" for i in range(10)]
    expression = pd.DataFrame({"A": [np.nan, *range(9)], "B": range(10)}, index=lines)
    effect = pd.DataFrame({"T": range(10)}, index=lines)
    assert align(as_matrix(effect), as_matrix(expression), 0.9).genes.labels == ("A", "B")
    assert align(as_matrix(effect), as_matrix(expression), 0.91).genes.labels == ("B",)


def test_nothing_shared_and_nothing_left_are_bad_input():
    one = pd.DataFrame({"A": [1.0], "B": [np.nan]}, index=["L1"])
    with pytest.raises(BadInputError, match="no shared cell lines"):
        align(as_matrix(one), as_matrix(one.rename(index={"L1": "L2"})), 0.9)
    gaps = pd.DataFrame({"A": [1.0, np.nan], "B": [np.nan, 1.0]}, index=["L1", "L2"])
    with pytest.raises(BadInputError, match="--min-coverage"):
        align(as_matrix(gaps), as_matrix(gaps), 0.5)
