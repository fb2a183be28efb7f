"""What a Dataset holds and what changed between two, against a few plain pandas steps."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.analyses.description import description
from tasks.analyses.drift import TILE, drift
from tasks.dataset.dataset import Dataset, write_dataset

N = 40


def written(path: Path, effect: pd.DataFrame, expression: pd.DataFrame, **parts: object) -> Dataset:
    return write_dataset(
        path,
        effect=effect.to_numpy(np.float32),
        expression=expression.to_numpy(np.float32),
        cell_lines=list(effect.index),
        targets=list(effect),
        genes=list(expression),
        **parts,
    )


def frames(targets: int = 12, genes: int = TILE + 30) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(2)
    lines = [f"ACH-{i:06d}" for i in range(N)]
    effect = pd.DataFrame(rng.normal(size=(N, targets)), lines, [f"G{i}" for i in range(targets)])
    expression = pd.DataFrame(rng.gamma(2, 2, (N, genes)), lines, [f"G{i}" for i in range(genes)])
    return effect.astype(np.float32), expression.astype(np.float32)


def test_a_description_counts_what_is_there(tmp_path: Path):
    effect, expression = frames()
    effect.iloc[:3, 0] = np.nan
    effect["G1"], effect["G2"], effect["G3"] = -1.0, 0.0, np.nan
    expression["G5"] = 3.0
    lineages = ["Lung"] * 20 + ["Skin"] * 15 + [""] * 5
    found = description(written(tmp_path / "d", effect, expression, lineages=lineages))
    assert (found["cell_lines"], found["genes"]["count"], found["genes"]["constant"]) == (N, TILE + 30, 1)
    assert found["targets"]["classes"] == {"variable": 9, "near 0": 1, "near 1": 1}
    assert (found["targets"]["without_value"], found["targets"]["own_expression"]) == (1, 12)
    assert found["effect"]["missing"] == 3 + N
    assert found["effect"]["missing_share"] == pytest.approx((3 + N) / (12 * N))
    assert (found["effect"]["targets_with_gaps"], found["effect"]["lines_with_gaps"]) == (2, N)
    assert list(found["effect"]["most_missing_lines"].values()) == [2, 2, 2, 1, 1]
    assert (found["lineages"], found["without_lineage"]) == ({"Lung": 20, "Skin": 15}, 5)


def test_drift_equals_plain_pandas(tmp_path: Path):
    rng = np.random.default_rng(4)
    effect, expression = frames()
    later = (effect + rng.normal(scale=0.3, size=effect.shape)).iloc[5:].rename(columns={"G3": "NEW3"})
    later["G4"] = rng.normal(size=len(later))  # another profile
    later["G5"] = 0.0  # another class
    later = later.mask(rng.random(later.shape) < 0.1)
    later["G6"] = effect["G6"]
    later["G7"] = later["G7"].where(np.arange(len(later)) < 8)  # too few lines
    later_expression = expression.iloc[5:, 3:] + rng.normal(scale=0.01, size=(N - 5, TILE + 27))
    ids = np.arange(1, 13)
    one = written(tmp_path / "1", effect, expression, target_entrez=ids)
    two = written(tmp_path / "2", later.astype(np.float32), later_expression, target_entrez=ids)
    found = drift(one, two)
    assert found.summary["cell_lines"]["removed"] == list(effect.index[:5])
    assert found.summary["genes"]["removed"] == ["G0", "G1", "G2"]
    assert found.summary["targets"]["renamed"] == ["G3 -> NEW3"]
    assert (found.summary["targets"]["added"], found.summary["targets"]["removed"]) == ([], [])
    x = effect.iloc[5:].rename(columns={"G3": "NEW3"}).astype(float)
    y = later.astype(np.float32).astype(float)
    table = found.targets.set_index("target").loc[x.columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = x.where(y.notna()).corrwith(y)
    expected[["G5", "G7"]] = np.nan
    np.testing.assert_allclose(table["pearson"], expected, atol=1e-9)
    np.testing.assert_array_equal(table["lines"], y.notna().sum())
    np.testing.assert_allclose(table["mean_difference"], (y - x).mean(), atol=1e-9)
    np.testing.assert_allclose(table["largest_difference"], (y - x).abs().max(), atol=1e-9)
    assert set(table.index[table["changed"]]) == {"G4", "G5"} | set(expected.index[expected < 0.9])
    assert found.targets["changed"].is_monotonic_decreasing
    flat = pd.DataFrame({"x": x.stack(), "y": y.stack()}).dropna()
    assert found.summary["effect"]["pearson_of_all_values"] == pytest.approx(flat.x.corr(flat.y), abs=1e-9)
    assert found.summary["effect"]["equal_share"] == pytest.approx((flat.x == flat.y).mean())
    assert found.summary["effect"]["missing"] == [0, int(y.isna().sum().sum())]
    assert found.summary["targets_changed"] == table["changed"].sum()
    a, b = expression.iloc[5:, 3:].astype(float), later_expression.astype(np.float32).astype(float)
    centred = [frame - frame.mean() for frame in (a, b)]
    np.testing.assert_allclose(
        found.lines["expression_r"], centred[0].T.corrwith(centred[1].T), atol=2e-3
    )  # corrwith takes off each line's mean, too


def test_lines_that_were_swapped_are_named(tmp_path: Path):
    effect, expression = frames()
    swapped = expression.copy()
    swapped.iloc[[2, 7]] = expression.iloc[[7, 2]].to_numpy()
    one, two = (written(tmp_path / str(i), effect, frame) for i, frame in enumerate((expression, swapped)))
    assert drift(one, two).summary["lines_like_another"] == [
        "ACH-000002 has the expression of ACH-000007 (r 1.00)",
        "ACH-000007 has the expression of ACH-000002 (r 1.00)",
    ]
    assert drift(one, one).summary["same_content"]


def test_other_measures_and_no_shared_lines_are_no_error(tmp_path: Path):
    effect, expression = frames()
    one = written(tmp_path / "1", effect, expression)
    level = written(tmp_path / "2", effect.round().clip(0, 2), expression, measure="level")
    found = drift(one, level)
    assert (found.summary["effect"], found.summary["measure"]) == (None, ["effect", "level"])
    other = written(tmp_path / "3", effect.set_axis([f"L{i}" for i in range(N)]), expression)
    found = drift(one, other)
    assert found.summary["effect"]["pearson_of_all_values"] is None
    assert found.summary["cell_lines"]["shared"] == len(found.lines) == 0
