"""`predict --interval` and `--long`: against slow twins, and how often they hold the truth of real lines."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cluster import Reading, Store, run
from cluster.results.calibration import calibration_of
from cluster.results.prediction_files import predict_file
from cluster.views.out_of_fold import OutOfFold
from tasks.dataset.dataset import write_dataset
from tasks.errors import BadInputError
from tests.two_methods import FINAL_MEAN, INTERCEPT, TARGETS, two_methods

COLUMNS = ["sample", "target", "predicted", "low", "high", "percentile", "rank", "trust", "method", "flagged"]


@pytest.fixture(scope="module", params=["effect", "level"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_methods(tmp_path_factory.mktemp("intervals") / "store", request.param)


@pytest.fixture
def samples() -> pd.DataFrame:
    """Sample b lacks what `modifiers` needs, so `kernel` stands in."""
    values = np.array([[-1.2, -2.5], [np.nan, 0.5], [0.25, -1.5]], dtype=np.float32)
    return pd.DataFrame(values, index=pd.Index(["c", "b", "a"], name="sample"), columns=["M1", "M2"])


def test_the_ends_lie_as_far_off_as_the_methods_own_errors_out_of_fold(store: Path, samples: pd.DataFrame):
    made = Store(store).predict(samples, interval=0.8)
    rows = Store(store).predictions()
    assert made.low is not None
    assert made.high is not None
    for target in TARGETS:
        for sample in samples.index:
            method = made.methods[
                made.made_by[samples.index.get_loc(sample), made.predicted.columns.get_loc(target)]
            ]
            mine = rows[(rows["method"] == method) & (rows["target"] == target)]
            errors = np.sort(np.abs(mine["measured"] - (mine["predicted"] + FINAL_MEAN)))
            place = int(np.ceil((len(errors) + 1) * 0.8))  # two dozen lines at most: one bin
            half = errors[place - 1] if place <= len(errors) else np.nan
            value = made.predicted.loc[sample, target]
            if place <= len(errors) and len(mine) >= 4 * mine["predicted"].nunique():  # a model of steps
                half = max(half, np.sort(np.abs(mine["measured"] - value))[place - 1])
            ends = [made.low.loc[sample, target], made.high.loc[sample, target]]
            np.testing.assert_allclose(ends, [value - half, value + half], atol=1e-7)


def test_the_long_table_says_of_each_prediction_where_it_stands(store: Path, samples: pd.DataFrame):
    made = Store(store).predict(samples, interval=0.9)
    table = Store(store).predict_long(samples)
    assert list(table.columns) == COLUMNS
    assert len(table) == made.predicted.notna().to_numpy().sum() == 3 * len(TARGETS)
    assert table["sample"].unique().tolist() == ["c", "b", "a"]
    assert table.groupby("sample")["rank"].apply(lambda ranks: ranks.is_monotonic_increasing).all()
    sign = -1.0 if Store(store).run["measure"] == "effect" else 1.0
    rows = Store(store).predictions()
    genes = Store(store).genes().set_index(["method", "target"])
    for row in table.itertuples():
        values = made.predicted.loc[row.sample]
        assert row.predicted == values[row.target]
        assert row.rank == 1 + (sign * values > sign * row.predicted).sum()
        assert [row.low, row.high] == [
            made.low.loc[row.sample, row.target],
            made.high.loc[row.sample, row.target],
        ]
        mine = rows[(rows["method"] == row.method) & (rows["target"] == row.target)]["predicted"] + FINAL_MEAN
        weaker, equal = (sign * mine < sign * row.predicted).sum(), (mine == row.predicted).sum()
        assert row.percentile == pytest.approx(100 * (weaker + equal / 2) / len(mine))
        np.testing.assert_equal(row.trust, genes.loc[(row.method, row.target), "pearson_pooled"])
    flags = made.samples.set_index("sample")["flagged"]
    assert flags.any()
    assert not flags.all()
    assert table["flagged"].tolist() == flags[table["sample"]].tolist()
    assert set(table.loc[table["sample"] == "b", "method"]) == {"kernel"}
    assert set(table["method"]) == set(INTERCEPT)


@pytest.mark.parametrize("share", [0.91, 0.95, 0.99])
def test_a_model_that_is_a_mean_is_not_all_wrong_about_levels(share: float):
    """Each fold predicts its own training mean, the final model another: the many zeros must lie inside."""
    rng = np.random.default_rng(0)
    measured = rng.permutation((np.arange(500) >= share * 500).astype(float))
    folds = np.arange(500) % 5
    means = np.array([measured[folds != fold].mean() for fold in range(5)])[folds]
    none = np.full(500, np.nan)
    rows = OutOfFold(("A",), np.zeros(500, int), folds, means, measured, means, none, none, none, none)
    genes = pa.table({"target": ["A"], "pearson_pooled": [0.0]})
    final = np.array([measured.mean()])
    half = calibration_of(rows, genes, {"A": float(final[0])}).half_width("A", final, 0.9)
    assert final[0] - half[0] <= 0.0 <= final[0] + half[0]
    assert half[0] < 0.2


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_of_intervals(store: Path, samples: pd.DataFrame, tmp_path: Path, suffix: str):
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    samples.to_csv(tmp_path / "x.csv")
    out = tmp_path / f"out{suffix}"
    said = predict_file(str(store), tmp_path / "x.csv", out, interval=0.8)
    assert f"out.low{suffix}" in said
    assert "hold the truth for a share 0.8 of new lines" in said
    made = Store(store).predict(samples, interval=0.8)
    for name in ("", ".low", ".high"):
        expected = getattr(made, name.lstrip(".") or "predicted")
        found = read(tmp_path / f"out{name}{suffix}").set_index("sample")
        np.testing.assert_allclose(found[expected.columns], expected)
    plain = out.read_bytes()
    predict_file(str(store), tmp_path / "x.csv", tmp_path / f"plain{suffix}")
    assert (tmp_path / f"plain{suffix}").read_bytes() == plain
    assert not (tmp_path / f"plain.low{suffix}").exists()
    with pytest.raises(BadInputError, match="there already"):
        predict_file(str(store), tmp_path / "x.csv", out, long=True)
    assert out.read_bytes() == plain
    said = predict_file(str(store), tmp_path / "x.csv", out, long=True, reading=Reading(force=True))
    assert "hold the truth for a share 0.9 of new lines" in said
    pd.testing.assert_frame_equal(read(out), Store(store).predict_long(samples), check_dtype=False)


def test_too_few_out_of_fold_predictions_give_no_interval_and_it_is_said(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    samples.to_csv(tmp_path / "x.csv")
    said = predict_file(str(store), tmp_path / "x.csv", tmp_path / "out.csv", interval=0.95)
    assert "1 targets have too few out-of-fold predictions for intervals: PARTLY" in said
    made = Store(store).predict(samples, interval=0.95)
    assert made.low["PARTLY"].isna().tolist() == [False, True, False]  # sample b: kernel, one fold of two


@pytest.mark.parametrize(
    ("interval", "said"), [(90, "did you mean 0.9"), (1.0, "between 0 and 1"), (-1, "-1")]
)
def test_an_interval_that_is_no_share_is_refused(
    store: Path, samples: pd.DataFrame, tmp_path: Path, interval: float, said: str
):
    samples.to_csv(tmp_path / "x.csv")
    with pytest.raises(BadInputError, match=said):
        predict_file(str(store), tmp_path / "x.csv", tmp_path / "out.csv", interval=interval)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.long
def test_intervals_hold_nine_tenths_of_real_lines_never_seen(real_data: Path, tmp_path: Path):
    """A store of four fifths of the lines, the others scored: over all targets, and where it matters."""
    expression = pd.read_parquet(real_data / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    levels = pd.read_parquet(real_data / "gene_dependency_level_22q1.parquet").astype("float32")
    lines = expression.index.intersection(levels.index)[::2]  # half of them, for time
    held = np.random.default_rng(0).permutation(len(lines)) < len(lines) // 5
    effect = levels.loc[lines]
    effect = effect.loc[:, effect.notna().all() & (effect[~held].std() > 0.1)].iloc[:, ::40]
    write_dataset(
        tmp_path / "d",
        expression=expression.loc[lines[~held]].to_numpy(np.float32),
        effect=effect[~held].to_numpy(),
        cell_lines=list(lines[~held]),
        genes=list(expression.columns),
        targets=list(effect.columns),
        measure="level",
    )
    run(tmp_path / "d", tmp_path / "s", workers=0, methods=("kernel",))
    table = Store(tmp_path / "s").predict_long(expression.loc[lines[held]])
    measured = effect[held].stack().rename("measured")
    table = table.join(measured, on=["sample", "target"])
    right = table["measured"].between(table["low"], table["high"])
    strong = table["percentile"] >= 97
    assert len(table) == held.sum() * effect.shape[1]
    assert right.mean() == pytest.approx(0.9, abs=0.02)
    assert right.groupby(table["target"]).mean().quantile(0.05) > 0.82
    assert right[strong].mean() == pytest.approx(0.9, abs=0.04)
    width = (table["high"] - table["low"]).groupby(table["target"])
    assert (width.min() > 0).all()
