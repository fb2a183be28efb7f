"""Files of predictions as the explorer reads them: wide, long, and what is none."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store
from cluster.explorer.forecast import forecast_with_groups, read_forecast
from cluster.explorer.origin import doubts
from cluster.formats import frame_bytes
from tasks.errors import BadInputError
from tasks.forecasts.read import read_forecast as of_store
from tests.browser.stores import SAMPLES, TARGETS, explored_store, long_forecast, made_forecast

FACTS = pd.DataFrame({"target": ["CTNNB1", "KRAS"], "mean": [-1.0, 0.0], "sd": [0.5, 0.0]})


def test_a_wide_file_comes_with_the_files_beside_it(tmp_path: Path):
    read = read_forecast(made_forecast(tmp_path))
    assert read.samples == SAMPLES
    assert read.fit is not None
    assert read.fit["flagged"].tolist() == [False, False, True]
    rows = read.of_sample("zeros", FACTS).set_index("target")
    wide = pd.read_csv(tmp_path / "predictions.csv", index_col=0)
    np.testing.assert_allclose(rows["predicted"], wide.loc["zeros"], rtol=1e-6)
    np.testing.assert_allclose(rows["high"] - rows["low"], 2, rtol=1e-5)
    assert rows.loc["CTNNB1", "above"] == pytest.approx((wide.loc["zeros", "CTNNB1"] + 1) / 0.5, rel=1e-6)
    assert np.isnan(rows.loc["KRAS", "above"])  # it does not vary, so nothing is far from its mean


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_long_file_reads_as_the_same_numbers(tmp_path: Path, kind: str):
    wide = pd.read_csv(made_forecast(tmp_path), index_col=0)
    long = wide.melt(ignore_index=False, var_name="target", value_name="predicted").reset_index()
    long = long.assign(low=long["predicted"] - 1, high=long["predicted"] + 1, percentile=50.0, rank=1)
    path = tmp_path / f"long.{kind}"
    long.to_csv(path, index=False) if kind == "csv" else long.to_parquet(path, index=False)
    read = read_forecast(path)
    pd.testing.assert_frame_equal(
        read.table.loc[list(SAMPLES), list(TARGETS)], wide.astype(np.float32), check_names=False
    )
    rows = read.of_sample("zeros", FACTS)
    assert rows["percentile"].eq(50).all()
    np.testing.assert_allclose(rows["high"] - rows["predicted"], 1, rtol=1e-5)


def test_groups_are_those_of_the_samples_and_all_that_is_wrong_is_told(tmp_path: Path):
    path, groups = made_forecast(tmp_path), tmp_path / "groups.csv"
    groups.write_text("sample,cohort,site\ntumour 1,UVM,Berlin\nzeros,ACC,Oslo\nother,ACC,Oslo\n")
    made, by = forecast_with_groups(path, groups), forecast_with_groups(path, groups, "site")
    assert made is not None
    assert by is not None
    assert (made.groups["tumour 1"], by.groups["tumour 1"]) == ("UVM", "Berlin")
    assert forecast_with_groups(None, None) is None
    with pytest.raises(BadInputError, match="--groups: only with --forecast"):
        forecast_with_groups(None, groups)
    groups.write_text("sample,cohort\nx,UVM\n")
    with pytest.raises(BadInputError, match=r"none of its samples \(x\) is in .*predictions\.csv"):
        forecast_with_groups(path, groups)
    groups.write_text("sample,cohort\nx,UVM\nx,ACC\nzeros,\n")
    with pytest.raises(BadInputError) as found:
        forecast_with_groups(tmp_path / "no.csv", groups)
    assert len(found.value.problems) == 2
    assert "no.csv" in found.value.problems[0]
    assert "give it one group" in found.value.problems[1]


def test_names_read_back_as_predict_was_given_them(tmp_path: Path):
    write_file = frame_bytes(pd.DataFrame({"sample": ["=1+1", "-1"], "@A": [0.5, 1.0]}), "csv")
    (tmp_path / "f.csv").write_bytes(write_file)
    assert read_forecast(tmp_path / "f.csv").samples == ("=1+1", "-1")
    assert of_store(tmp_path / "f.csv", ["@A"]).values.loc["=1+1", "@A"] == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample,A\nx,high\n", "all numbers"),
        ("sample\nx\n", "all numbers"),
        ("sample,A\nx,1\nx,2\n", "twice"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_file_of_predictions_is_refused(tmp_path: Path, text: str, message: str):
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_forecast(tmp_path / "f.csv")


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(BadInputError, match="there is no such file"):
        read_forecast(tmp_path / "f.csv")


def test_a_file_of_the_store_raises_no_doubt(tmp_path: Path):
    store = explored_store(tmp_path)
    read = read_forecast(long_forecast(tmp_path, store))
    genes = Store(store).genes()
    assert doubts(read, genes) == []
    for kept in ({"trust": None}, {"more": None}):  # either says which store it is of
        alone = dataclasses.replace(read, **kept)
        assert doubts(alone, genes) == []
        moved = genes.assign(pearson_pooled=genes["pearson_pooled"] + 0.01)
        (said,) = doubts(alone, moved)
        assert "r is another here for 70 of its targets (" in said
        assert said.endswith(" and 67 more)")


def test_a_file_of_another_store_is_doubted(tmp_path: Path):
    read = read_forecast(long_forecast(tmp_path, explored_store(tmp_path)))
    genes = pd.DataFrame({"method": "best", "target": TARGETS[1:], "pearson_pooled": 0.5})
    genes["pearson_expression"] = np.nan
    assert doubts(read, genes) == [
        f"this store has no scores of 1 of its targets ({TARGETS[0]})",
        "this store has no method ridge",
    ]


def test_what_cannot_be_compared_is_not_doubted(tmp_path: Path):
    store = explored_store(tmp_path)
    genes = Store(store).genes()
    assert doubts(read_forecast(made_forecast(tmp_path)), genes) == []  # wide, alone
    read = read_forecast(long_forecast(tmp_path, store))
    assert doubts(read, genes.assign(pearson_pooled=np.nan)) == []  # before the index is there
    by_expression = genes.assign(pearson_expression=genes["pearson_pooled"], pearson_pooled=0.9)
    assert doubts(read, by_expression) == []  # final models never read more than expression
