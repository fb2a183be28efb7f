"""Rows of `tissues` against a loop over targets and groups with scipy and statsmodels."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tasks.analyses.tissues import COLUMNS, NORMAL, OTHERS, grouped, tissue_tests

TARGETS = [f"T{i}" for i in range(7)]
GROUP_OF = {f"s{i}": group for i, group in enumerate(["A"] * 8 + ["B"] * 5 + ["C"] * 12 + ["D"] * 2)} | {
    "gone": "A"
}


def forecasts() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(30, len(TARGETS)))
    values[:8, 1] -= 4
    values[:, 2] = 0.25  # predicted by its mean alone
    values[8:13, 3] = np.nan
    normal = rng.normal(size=(6, len(TARGETS)))
    normal[:2, 4] = np.nan
    names = [f"s{i}" for i in range(27)] + ["x", "y", "z"]
    return (
        pd.DataFrame(values, index=names, columns=TARGETS),
        pd.DataFrame(normal, index=[f"n{i}" for i in range(6)], columns=TARGETS)[TARGETS[:-1]],
    )


def by_hand(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    x, y = one[~np.isnan(one)], other[~np.isnan(other)]
    if min(len(x), len(y)) < 3 or (np.ptp(x) == 0 and np.ptp(y) == 0):
        return np.nan, np.nan
    found = stats.ttest_ind(x, y, equal_var=False)
    return found.statistic, found.pvalue


def test_every_row_equals_the_loop() -> None:
    values, normal = forecasts()
    groups = grouped(list(values.index), GROUP_OF)
    assert {name: len(rows) for name, rows in groups.rows.items()} == {"A": 8, "B": 5, "C": 12}
    assert (groups.small, groups.unknown, groups.absent) == ({"D": 2}, ("x", "y", "z"), 1)
    table = tissue_tests(values, groups, higher_is_stronger=False, normal=normal)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 7 * 3 * 2
    for row in table.to_dict("records"):
        mine = values.loc[
            [s for s in values.index if GROUP_OF.get(s) == row["group"]], row["target"]
        ].to_numpy()
        if row["against"] == OTHERS:
            named = [s for s in values.index if GROUP_OF.get(s) in set("ABC") - {row["group"]}]
            against = values.loc[named, row["target"]].to_numpy()
        else:
            against = normal.get(row["target"], pd.Series([np.nan] * 6)).to_numpy()
        t, p = by_hand(mine, against)
        assert row["t"] == pytest.approx(t, rel=1e-9, nan_ok=True)
        assert row["p_value"] == pytest.approx(p, rel=1e-9, nan_ok=True)
        assert (row["n"], row["n_against"]) == ((~np.isnan(mine)).sum(), (~np.isnan(against)).sum())
    for kind in (OTHERS, NORMAL):
        rows = table[(table["against"] == kind) & table["p_value"].notna()]
        np.testing.assert_allclose(
            rows["q_value"], multipletests(rows["p_value"], method="fdr_bh")[1], rtol=1e-12
        )
    assert table.loc[table["p_value"].isna(), "q_value"].isna().all()


def test_normal_tissues_are_counted_one_by_one() -> None:
    values, normal = forecasts()
    table = tissue_tests(
        values, grouped(list(values.index), GROUP_OF), higher_is_stronger=False, normal=normal
    )
    row = table[(table["target"] == "T1") & (table["group"] == "A") & (table["against"] == NORMAL)].iloc[0]
    mean = values.loc[[f"s{i}" for i in range(8)], "T1"].mean()
    assert row["stronger"]
    assert row["share_normal"] == (normal["T1"] <= mean).mean() == 0
    assert row["strongest_normal"] == normal["T1"].idxmin()
    assert row["margin"] == pytest.approx(normal["T1"].min() - mean)
    turned = tissue_tests(
        values, grouped(list(values.index), GROUP_OF), higher_is_stronger=True, normal=normal
    )
    other = turned[
        (turned["target"] == "T1") & (turned["group"] == "A") & (turned["against"] == NORMAL)
    ].iloc[0]
    assert not other["stronger"]
    assert (other["share_normal"], other["strongest_normal"]) == (1.0, normal["T1"].idxmax())
    assert other["margin"] == pytest.approx(mean - normal["T1"].max())
    lacking = table[(table["target"] == "T6") & (table["against"] == NORMAL)]
    assert lacking[["share_normal", "margin", "p_value"]].isna().all().all()
    assert lacking["strongest_normal"].isna().all()
    assert table.loc[table["against"] == OTHERS, "margin"].isna().all()


def test_one_group_is_only_tested_against_normal() -> None:
    values, normal = forecasts()
    one = grouped(list(values.index), {f"s{i}": "A" for i in range(5)})
    assert set(tissue_tests(values, one, True, normal)["against"]) == {NORMAL}
    assert len(tissue_tests(values, one, True)) == 0
