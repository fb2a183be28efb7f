from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.forecasts.read import read_forecast, read_groups

TARGETS = ("TP53", "MYC", "KRAS", "EGFR")
WIDE = pd.DataFrame({"sample": ["a", "b"], "TP53": [0.5, np.nan], "MYC": [1, 2], "note": ["x", "y"]})


def test_wide_files_of_either_type_are_the_same(tmp_path: Path) -> None:
    WIDE.to_csv(tmp_path / "f.csv", index=False)
    WIDE.to_parquet(tmp_path / "f.parquet")
    for name in ("f.csv", "f.parquet"):
        found = read_forecast(tmp_path / name, TARGETS)
        assert found.others == ("note",)
        expected = pd.DataFrame({"TP53": [0.5, np.nan], "MYC": [1.0, 2.0]}, index=["a", "b"])
        pd.testing.assert_frame_equal(found.values, expected)


def test_long_files_become_wide_in_the_order_of_the_samples(tmp_path: Path) -> None:
    rows = [("b", "MYC", 1.0), ("a", "MYC", 2.0), ("b", "TP53", np.nan), ("b", "OTHER", 3.0)]
    frame = pd.DataFrame(rows, columns=["sample", "target", "predicted"])
    frame.assign(rank=1).to_parquet(tmp_path / "f.parquet")
    found = read_forecast(tmp_path / "f.parquet", TARGETS)
    assert found.values.index.tolist() == ["b", "a"]
    assert found.values["MYC"].tolist() == [1.0, 2.0]
    assert found.values["TP53"].isna().all()
    assert found.others == ("OTHER",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sample,XX\na,1\n", "holds none of the store's 4 targets"),
        ("sample,MYC\na,1\na,2\n", "sample 'a' is there twice"),
        ("sample,MYC,TP53\na,high,low\n", "column 'MYC' holds string; expected numbers"),
        ("sample,target,predicted\na,MYC,1\na,MYC,2\n", "sample 'a', target 'MYC' is there twice"),
        ("sample,target,predicted\na,MYC,x\n", "'predicted' holds string, not numbers"),
    ],
)
def test_forecasts_that_cannot_be_used_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(BadInputError) as raised:
        read_forecast(tmp_path / "f.csv", TARGETS)
    assert words in raised.value.text()


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.csv", "none.csv"), ("f.xlsx", "expected .csv"), ("f.parquet", "cannot be read")],
)
def test_files_that_are_no_tables_are_named(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "f.xlsx").write_text("x")
    (tmp_path / "f.parquet").write_text("x")
    with pytest.raises(BadInputError, match=words):
        read_forecast(tmp_path / name, TARGETS)


def test_groups_are_found_by_the_name_of_their_column(tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("id,kind\na,X\nb,Y\nc,\n")
    assert read_groups(tmp_path / "two.csv") == {"a": "X", "b": "Y"}
    (tmp_path / "many.tsv").write_text("age\tcohort\tsample\n1\tX\ta\n2\tY\tb\n")
    assert read_groups(tmp_path / "many.tsv") == {"a": "X", "b": "Y"}
    assert read_groups(tmp_path / "many.tsv", "age") == {"a": "1", "b": "2"}
    frame = pd.DataFrame(
        {"cohort": ["X", "Y"], "A1BG": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="sample_barcode")
    )
    frame.to_parquet(tmp_path / "index.parquet")
    assert read_groups(tmp_path / "index.parquet") == {"a": "X", "b": "Y"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sample,x,y\na,1,2\n", "no column called group, cohort"),
        ("sample,group\na,X\na,Y\n", "sample 'a' is in 'X' and in 'Y'"),
        ("sample,group\na,\n,X\n", "no sample has a group in column 'group'"),
    ],
)
def test_groups_that_cannot_be_used_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "g.csv").write_text(text)
    with pytest.raises(BadInputError) as raised:
        read_groups(tmp_path / "g.csv")
    assert words in raised.value.text()
    with pytest.raises(BadInputError, match="no column 'nothing'"):
        read_groups(tmp_path / "g.csv", "nothing")
