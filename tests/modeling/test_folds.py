import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold, StratifiedKFold

from modeling.folds import Fold, final_fold, gene_folds, make_folds, quantile_fold, quantile_parts


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


SIZES = {"Lung": 60, "Skin": 45, "Bowel": 45, "Breast": 40, "Bone": 39, "": 80}


def lineages_of(sizes: dict[str, int]) -> list[str]:
    names = [name for name, size in sizes.items() for _ in range(size)]
    return list(np.random.default_rng(0).permutation(names))


def lineage_folds(sizes: dict[str, int], seed: int = 0) -> tuple[Fold, ...]:
    lineages = lineages_of(sizes)
    return make_folds("lineage", len(lineages), 5, seed, lineages)


def test_each_large_lineage_is_held_out_and_has_a_random_twin():
    lineages = np.array(lineages_of(SIZES), dtype=object)
    made = lineage_folds(SIZES)
    held_out, twins = made[:4], made[4:]
    assert [fold.number for fold in made] == list(range(8))
    assert [fold.name for fold in held_out] == ["Lung", "Bowel", "Skin", "Breast"]
    assert [fold.name for fold in twins] == [f"random twin of {fold.name}" for fold in held_out]
    assert [fold.control for fold in made] == [False] * 4 + [True] * 4
    for fold, twin in zip(held_out, twins, strict=True):
        np.testing.assert_array_equal(fold.test, np.flatnonzero(lineages == fold.name))
        assert len(twin.test) == len(fold.test)
        assert len(set(lineages[twin.test])) > 3
    for fold in made:
        assert np.all(np.diff(fold.train) > 0)
        assert np.all(np.diff(fold.test) > 0)
        np.testing.assert_array_equal(np.sort(np.r_[fold.train, fold.test]), np.arange(len(lineages)))


def test_lines_of_unknown_lineage_train_and_are_never_held_out():
    unknown = np.flatnonzero(np.array(lineages_of(SIZES), dtype=object) == "")
    for fold in lineage_folds(SIZES):
        assert fold.control or set(unknown) <= set(fold.train)
    assert any(fold.control and set(unknown) & set(fold.test) for fold in lineage_folds(SIZES))


def test_a_random_twin_follows_from_the_seed_and_the_lineages_name_alone():
    first, again, other = (lineage_folds(SIZES, seed) for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a.test, b.test)
        assert np.array_equal(a.test, c.test) != a.control
    fewer = lineage_folds(SIZES | {"Bowel": 20, "": 105}, seed=4)
    for name in ("Lung", "Skin", "Breast"):
        one, two = (next(f for f in made if f.name == f"random twin of {name}") for made in (first, fewer))
        np.testing.assert_array_equal(one.test, two.test)
    # Twins of lineages of one size are different draws.
    assert not np.array_equal(first[5].test, first[6].test)


@pytest.mark.parametrize(
    ("lineages", "words"),
    [
        (["A"] * 39 + [""] * 61, "no lineage has 40"),
        (["A"] * 99, "100 cell lines but 99 lineages"),
        (["A"] * 100, "every cell line is of lineage A"),
    ],
)
def test_lineages_that_cannot_be_held_out_are_refused(lineages, words):
    with pytest.raises(ValueError, match=words):
        make_folds("lineage", 100, 5, 0, lineages)


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


EFFECTS = {
    "all different": lambda rng: rng.standard_normal(203),
    "levels, one of them rare": lambda rng: np.repeat([0.0, 1.0, 2.0], [140, 38, 5]),
    "probabilities with ties at the ends": lambda rng: np.clip(rng.normal(0.5, 0.6, 150), 0, 1),
    "two decimals": lambda rng: np.round(rng.standard_normal(150), 2),
    "all equal": lambda rng: np.zeros(52),
    "fewer lines than folds": lambda rng: rng.standard_normal(3),
}


@pytest.mark.parametrize("case", EFFECTS)
@pytest.mark.parametrize("folds", [2, 5])
def test_quantile_parts_spread_every_level_and_every_quantile_evenly(case, folds):
    rng = np.random.default_rng(1)
    effect = rng.permutation(EFFECTS[case](rng))
    parts = quantile_parts(effect, folds, 3)
    sizes = np.bincount(parts, minlength=folds)
    assert len(sizes) == folds
    assert np.ptp(sizes) <= 1
    for level in np.unique(effect):
        assert np.ptp(np.bincount(parts[effect == level], minlength=folds)) <= 1
    # Up to any quantile, too, no part has many more lines than another.
    for line in np.sort(effect):
        assert np.ptp(np.bincount(parts[effect <= line], minlength=folds)) <= 2


def test_levels_spread_as_by_the_librarys_stratified_folds():
    effect = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [131, 38, 14]))
    parts = quantile_parts(effect.astype(float), 5, 0)
    library = [test for _, test in StratifiedKFold(5, shuffle=True, random_state=0).split(effect, effect)]
    for level in range(3):
        ours = np.bincount(parts[effect == level], minlength=5)
        assert sorted(ours) == sorted(np.count_nonzero(effect[test] == level) for test in library)


def test_neighbours_in_effect_are_tested_in_different_parts():
    effect = np.random.default_rng(2).permutation(200).astype(float)
    parts = quantile_parts(effect, 5, 1)[np.argsort(effect)].reshape(-1, 5)
    assert (np.sort(parts, axis=1) == np.arange(5)).all()
    assert len({tuple(row) for row in parts}) > 20  # by chance, not always in one order


def test_quantile_folds_test_every_measured_line_once_and_no_other():
    effect = np.random.default_rng(3).standard_normal(80)
    effect[::7] = np.nan
    folds = [quantile_fold(fold, effect, 4, 9) for fold in make_folds("kfold", 80, 4, 0)]
    tested = np.concatenate([fold.test for fold in folds])
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(~np.isnan(effect)))
    for fold in folds:
        assert not np.isin(fold.train, fold.test).any()
        assert len(fold.train) + len(fold.test) == len(tested)
        assert (np.diff(fold.test) > 0).all()
    assert [fold.name for fold in folds] == [fold.name for fold in make_folds("kfold", 80, 4, 0)]


def test_the_seed_alone_decides_quantile_parts():
    effect = np.random.default_rng(4).standard_normal(90)
    np.testing.assert_array_equal(quantile_parts(effect, 5, 1), quantile_parts(effect, 5, 1))
    assert not np.array_equal(quantile_parts(effect, 5, 1), quantile_parts(effect, 5, 2))


def test_no_line_is_no_trouble():
    assert quantile_parts(np.array([]), 5, 0).size == 0


def test_folds_over_genes_cover_each_once_and_are_drawn_apart_from_those_over_lines():
    folds = gene_folds(103, 5, 7)
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in folds])), np.arange(103))
    assert [len(fold.test) for fold in folds] == [21, 21, 21, 20, 20]
    for number, fold in enumerate(folds):
        assert (fold.number, fold.name) == (number, f"fold {number + 1} of 5")
        assert np.array_equal(np.sort(np.concatenate([fold.train, fold.test])), np.arange(103))
    assert np.array_equal(folds[0].test, gene_folds(103, 5, 7)[0].test)
    assert not np.array_equal(folds[0].test, gene_folds(103, 5, 8)[0].test)
    assert not np.array_equal(folds[0].test, make_folds("kfold", 103, 5, 7)[0].test)


@pytest.mark.parametrize(("genes", "folds"), [(10, 1), (4, 5), (0, 2)])
def test_folds_over_genes_that_cannot_be_are_refused(genes: int, folds: int):
    with pytest.raises(ValueError, match="cannot be split"):
        gene_folds(genes, folds, 0)
