import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from modeling.statistics.confounders import PENALTIES, confounder_design


def made(rng, lines=90, new=30):
    """Covariates on different scales, one that is another's double, gaps; an effect that follows two."""
    x = rng.normal(size=(lines + new, 6)) * [1, 100, 0.01, 1, 1, 1]
    x[:, 3] = 2 * x[:, 0]
    x[:, 4] = rng.random(lines + new) < 0.3
    effect = x[:, 0] - 0.02 * x[:, 1] + rng.normal(size=lines + new)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x.astype(np.float32), effect, lines


@pytest.mark.parametrize("signal", [0.0, 0.3, 3.0])
def test_it_is_scikit_learns_ridge_with_its_leave_one_out(signal):
    rng = np.random.default_rng(0)
    chosen = set()
    for _ in range(20):
        x, follows, n = made(rng)
        effect = signal * follows + rng.normal(size=len(x))
        train, test = x[:n].astype(float), x[n:].astype(float)
        mean = np.nanmean(train, axis=0)
        filled = [np.where(np.isnan(part), mean, part) for part in (train, test)]
        scale = filled[0].std(axis=0)
        a, b = ((part - mean) / scale for part in filled)
        slow = RidgeCV(alphas=[n * penalty for penalty in PENALTIES]).fit(a, effect[:n])
        found = confounder_design(x[:n]).predict(effect[None, :n], x[n:])[0]
        np.testing.assert_allclose(found, slow.predict(b), rtol=1e-6, atol=1e-9)
        chosen.add(slow.alpha_)
    assert len(chosen) > 1 or signal == 3.0


def test_features_that_say_nothing_predict_the_mean():
    rng = np.random.default_rng(1)
    effect = rng.normal(size=40)
    nothing = np.column_stack([np.full(40, 0.3), np.full(40, np.nan)]).astype(np.float32)
    new = np.array([[5.0, 1.0], [np.nan, np.nan]], dtype=np.float32)
    np.testing.assert_allclose(
        confounder_design(nothing).predict(effect[None], new)[0], effect.mean(), rtol=1e-12
    )


def test_a_line_that_lacks_all_gets_the_mean_and_more_features_than_lines_are_fine():
    rng = np.random.default_rng(2)
    x, effect = rng.normal(size=(10, 25)).astype(np.float32), rng.normal(size=10)
    new = np.vstack([np.full(25, np.nan), rng.normal(size=25)]).astype(np.float32)
    found = confounder_design(x).predict(effect[None], new)[0]
    assert found[0] == pytest.approx(effect.mean())
    assert np.isfinite(found).all()


def test_no_training_line_is_refused():
    with pytest.raises(ValueError, match="no training line"):
        confounder_design(np.empty((0, 3), np.float32))


def test_targets_together_have_the_bits_of_each_alone():
    rng = np.random.default_rng(4)
    x, _, n = made(rng)
    effect = rng.normal(size=(9, n)) + x[:n, 0] * np.linspace(0, 3, 9)[:, None]
    effect = np.where(np.isnan(effect), 0.0, effect)
    effect[3] = 1.5
    design = confounder_design(x[:n])
    for rows in (effect, np.asfortranarray(effect)):
        together = design.predict(rows, x[n:])
        for i in range(9):
            np.testing.assert_array_equal(together[i], design.predict(effect[i : i + 1], x[n:])[0])
