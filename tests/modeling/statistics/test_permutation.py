import numpy as np
import pytest
from scipy import stats

from modeling.statistics.permutation import shuffled_many, upper_tail
from modeling.statistics.pooling import pooled
from tests.reference.permutation import all_shuffled_r, drawn_r, exact_p

FIELDS = ("mean", "sd", "skewness", "p")


def one(folds, labels, measured, predicted, mean=None):
    """The scores of a single target, as floats by name."""
    rows = len(measured)
    made = shuffled_many(
        np.zeros(rows, dtype=np.int64),
        np.asarray(folds),
        np.asarray(labels, dtype=float),
        np.asarray(measured, dtype=float),
        np.asarray(predicted, dtype=float),
        np.zeros(rows) if mean is None else mean,
    )
    return {name: float(getattr(made, name)[0]) for name in FIELDS}


def lines(rng, rows=600, folds=5, lineages=9):
    """Folds, sorted; lineages of very different sizes, one of single lines; values that follow them."""
    fold = np.sort(rng.integers(0, folds, rows))
    lineage = np.minimum(rng.geometric(0.3, rows), lineages).astype(float)
    return fold, rng.normal(size=(folds, lineages + 1))[fold, lineage.astype(int)]


@pytest.mark.parametrize("levels", [False, True])
def test_the_moments_are_those_of_every_shuffle(levels):
    rng = np.random.default_rng(0)
    folds = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    labels = np.array([0.5, 0.5, 0.5, 0.5, 2.0, 2.0, 0.5, 0.5, 0.5, 2.0, 3.0])
    x, y = rng.gamma(0.5, 1.0, (2, 11))  # skewed, so that the third moment counts
    x = np.ceil(x) if levels else x
    r = all_shuffled_r(folds, labels, x, y)
    found = one(folds, labels, x, y)
    expected = r.mean(), r.std(), stats.skew(r)
    np.testing.assert_allclose([found[name] for name in FIELDS[:3]], expected, rtol=1e-9, atol=1e-12)
    assert found["p"] == pytest.approx(exact_p(folds, labels, x, y), abs=0.05)


def test_the_moments_are_those_of_two_thousand_draws():
    rng = np.random.default_rng(1)
    folds, labels = lines(rng)
    y = rng.normal(size=600) + labels
    x = 0.3 * labels + rng.normal(size=600)
    r = drawn_r(folds, labels, x, y, draws=2000, seed=4)
    found = one(folds, labels, x, y)
    assert found["mean"] == pytest.approx(r.mean(), abs=4 * r.std() / np.sqrt(2000))
    assert found["sd"] == pytest.approx(r.std(), rel=4 / np.sqrt(2 * 2000))
    # A share of draws is binomial: at most four standard errors off.
    share = np.mean(r >= np.corrcoef(x, y)[0, 1])
    assert found["p"] == pytest.approx(share, abs=4 * np.sqrt(found["p"] / 2000) + 1 / 2000)


@pytest.mark.parametrize("kind", ["normal", "rare", "rare against skewed"])
def test_p_is_uniform_where_nothing_is_to_be_found(kind):
    """2000 targets of noise, all of them driven by lineage: p < 0.05 and p < 0.001 as often as they say.

    `rare`: six lines in 600 depend on the target, as for many levels; forecasts may be skewed likewise.
    """
    rng = np.random.default_rng(2)
    targets, rows = 2000, 600
    folds, labels = lines(rng, rows)
    x = rng.normal(size=(targets, rows)) + labels
    y = rng.normal(size=(targets, rows)) + labels
    if kind != "normal":
        x = (rng.random((targets, rows)) < 0.01).astype(float)
    if kind == "rare against skewed":
        y = np.exp(1.5 * y)
    made = shuffled_many(
        np.repeat(np.arange(targets), rows),
        np.tile(folds, targets),
        np.tile(labels, targets),
        x.ravel(),
        y.ravel(),
        np.zeros(x.size),
    )
    for level in (0.05, 0.001):
        share = np.mean(made.p < level)
        error = np.sqrt(level * (1 - level) / targets)
        assert share < level + 3 * error, f"p < {level} for {share:.4f}"
    assert np.mean(made.p < 0.05) > 0.05 - 4 * np.sqrt(0.05 * 0.95 / targets)


def test_what_lineage_alone_explains_is_no_evidence():
    """Predicting by the lineage's mean has a high r, and p is 1, until something within lineages is true."""
    rng = np.random.default_rng(3)
    folds, labels = lines(rng)
    x = labels + rng.normal(size=600)
    assert pooled(x, labels, np.zeros(600)).p < 1e-50
    only = one(folds, labels, x, labels)
    assert only["p"] == 1.0
    assert only["sd"] == 0.0
    assert only["mean"] == pytest.approx(np.corrcoef(x, labels)[0, 1], abs=1e-12)
    assert one(folds, labels, x, labels + 1e-16 * rng.normal(size=600))["p"] == 1.0
    assert one(folds, labels, x, labels + 0.3 * (x - labels))["p"] < 1e-50


def test_p_is_never_below_one_over_the_number_of_shuffles():
    """One dependent line among twenty, forecast best: p is 1 in 20, and the tail alone says less."""
    x, y = np.zeros(20), np.zeros(20)
    x[7], y[7] = 1.0, 1.0
    found = one(np.zeros(20, int), np.zeros(20), x, y)
    assert found["p"] == pytest.approx(1 / 20)
    assert upper_tail(np.array([np.sqrt(19.0)]), np.array([found["skewness"]])) < 1 / 20


def test_the_tail_is_scipys_and_the_normal_one_without_skewness():
    z, g = (grid.ravel() for grid in np.meshgrid([-3.0, 0.0, 2.0, 5.0, 12.0], [2e-3, 0.05, 0.5, 3.0]))
    np.testing.assert_allclose(upper_tail(z, g), stats.pearson3(g).sf(z), rtol=1e-8)
    np.testing.assert_allclose(upper_tail(z, -g), stats.norm.sf(z), rtol=1e-13)
    assert (stats.norm.sf(z) >= stats.pearson3(-g).sf(z) * (1 - 1e-9))[z > 1.8].all()


def test_constants_missing_values_and_lone_rows():
    folds, labels = np.zeros(6, int), np.array([1.0, 1, 1, 2, 2, np.nan])
    x, y = np.array([1.0, 2, 4, 0, 1, 3]), np.array([0.0, 3, 2, 5, 1, 2])
    assert np.isnan(list(one(folds, labels, np.full(6, 0.3), y).values())).all()
    assert one(folds, labels, x, np.full(6, 0.3)) == {"mean": 0.0, "sd": 0.0, "skewness": 0.0, "p": 1.0}
    gap = x.copy()
    gap[2] = np.nan
    kept = [0, 1, 3, 4, 5]
    assert one(folds, labels, gap, y) == one(folds[kept], labels[kept], x[kept], y[kept])
    # A line without a lineage is shuffled with those that have none either.
    assert one(folds, labels, x, y) == one(folds, np.where(np.isnan(labels), 9.0, labels), x, y)
    nothing = shuffled_many(*(np.array([], dtype=t) for t in (int, int, float, float, float, float)))
    assert nothing.p.size == 0


def test_a_target_is_the_same_in_any_company_to_the_bit():
    rng = np.random.default_rng(5)
    sizes = np.array([40, 7, 300, 1, 90])
    codes = np.repeat([0, 2, 3, 7, 9], sizes)
    folds = np.concatenate([np.sort(rng.integers(0, 5, size)) for size in sizes])
    labels, x, y, mean = rng.integers(0, 4, codes.size) * 0.1, *rng.normal(size=(3, codes.size))
    together = shuffled_many(codes, folds, labels, x, y, mean)
    for i, code in enumerate(together.targets):
        rows = codes == code
        alone = one(folds[rows], labels[rows], x[rows], y[rows], mean[rows])
        np.testing.assert_array_equal([getattr(together, name)[i] for name in FIELDS], list(alone.values()))


def test_unsorted_targets_are_refused():
    with pytest.raises(ValueError, match="sorted by target"):
        shuffled_many(np.array([1, 0]), np.zeros(2, int), *(np.zeros(2) for _ in range(4)))
