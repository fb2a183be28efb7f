import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from modeling.folds import final_fold, make_folds


@given(st.integers(2, 300), st.integers(2, 12), st.integers(0, 2**62))
def test_kfold_tests_every_line_once(n_lines, folds, seed):
    if n_lines < folds:
        with pytest.raises(ValueError, match="fewer folds"):
            make_folds("kfold", n_lines, folds, seed)
        return
    made = make_folds("kfold", n_lines, folds, seed)
    assert [fold.number for fold in made] == list(range(folds))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in made])), np.arange(n_lines))
    for fold, (_, test) in zip(made, KFold(folds).split(np.zeros(n_lines)), strict=True):
        assert len(fold.test) == len(test)
        assert np.all(np.diff(fold.train) > 0)
        assert np.all(np.diff(fold.test) > 0)
        np.testing.assert_array_equal(np.union1d(fold.train, fold.test), np.arange(n_lines))


def test_the_seed_alone_decides():
    first, again, other = (make_folds("kfold", 200, 5, seed) for seed in (4, 4, 5))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.test, b.test)
    assert not np.array_equal(first[0].test, other[0].test)


def test_folds_are_shuffled():
    assert not np.array_equal(make_folds("kfold", 100, 5, 0)[0].test, np.arange(20))


@pytest.mark.parametrize(("n_lines", "n_test"), [(2, 1), (100, 25), (983, 246)])
def test_split_tests_a_quarter(n_lines, n_test):
    (fold,) = make_folds("split", n_lines, 5, 0)
    assert fold.number == 0
    assert len(fold.test) == n_test
    np.testing.assert_array_equal(np.union1d(fold.train, fold.test), np.arange(n_lines))
    assert len(fold.train) == n_lines - n_test


def test_the_final_fold_trains_on_all():
    fold = final_fold(7)
    assert fold.number == -1
    np.testing.assert_array_equal(fold.train, np.arange(7))
    assert fold.test.size == 0


@pytest.mark.usefixtures("annotations_unchecked")
@pytest.mark.parametrize(
    ("scheme", "n_lines", "folds", "words"),
    [
        ("kfold", 4, 5, "4 cell lines"),
        ("kfold", 100, 1, "at least 2 folds"),
        ("split", 1, 5, "at least 2"),
        ("x", 9, 3, "'x'"),
    ],
)
def test_impossible_folds_are_refused(scheme, n_lines, folds, words):
    with pytest.raises(ValueError, match=words):
        make_folds(scheme, n_lines, folds, 0)
