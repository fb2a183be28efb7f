"""Selectivity and co-dependency against pandas and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew

from tasks.analyses.answer.measured import FEWEST_LINES, TILE, codependency, selectivity


def effects(lines: int = 90, targets: int = TILE + 30, seed: int = 0) -> np.ndarray:
    """Correlated effects with gaps; column 3 constant, column 4 measured in too few lines."""
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(lines, 5)) @ rng.normal(size=(5, targets)) + rng.normal(size=(lines, targets))
    made[rng.random(made.shape) < 0.1] = np.nan
    made[:, 3] = 0.25
    made[FEWEST_LINES - 1 :, 4] = np.nan
    return made.astype(np.float32)


def test_codependency_is_the_correlation_over_lines_that_both_have() -> None:
    made = effects()
    r, n = codependency(made, 0)
    frame = pd.DataFrame(made.astype(np.float64))
    expected = frame.corrwith(frame[0])
    expected[[0, 3, 4]] = np.nan
    np.testing.assert_allclose(r, expected, rtol=1e-10)
    known = frame.notna()
    assert n.tolist() == known.mul(known[0], axis=0).sum().tolist()


def test_a_targets_r_does_not_depend_on_how_many_others_there_are() -> None:
    made = effects()
    whole, few = codependency(made, 0)[0], codependency(made[:, :7].copy(), 0)[0]
    np.testing.assert_array_equal(whole[:7], few)


def test_a_constant_target_goes_with_no_other() -> None:
    assert np.isnan(codependency(effects(), 3)[0]).all()


@pytest.mark.parametrize(("measure", "sign"), [("effect", -1), ("dependency", 1), ("level", 1)])
def test_selectivity_is_in_the_direction_of_need(measure: str, sign: int) -> None:
    values = np.array([0.0, 0.0, 0.1, -0.1, 0.0, sign * 1.5, np.nan])
    found = selectivity(values, measure)
    assert found is not None
    assert (found.n, found.dependent) == (6, 1)
    assert found.skew == pytest.approx(skew(sign * values[:6]))
    assert found.skew > 1
    assert found.sd == pytest.approx(values[:6].std(ddof=1))


def test_nothing_measured_and_nothing_varying() -> None:
    assert selectivity(np.full(3, np.nan), "effect") is None
    constant = selectivity(np.full(3, -1.0), "effect")
    assert constant is not None
    assert constant.dependent == 3
    assert np.isnan(constant.skew)
