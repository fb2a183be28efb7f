"""Samples as people give them: what is refused, with all problems, and what is said of unknown labels."""

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.scoring.samples import checked_samples, gene_columns, in_other_words, none_known, same_genes


def frame(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=["a", "b"])


def test_values_come_back_as_float32_whatever_their_type():
    given = frame(FLT3=[1, 2], KRAS=["1.5", None], TP53=pd.array([None, 3.25], dtype="Float64"))
    given.columns = pd.Index(["FLT3", 7, "TP53"])
    made = checked_samples(given)
    assert list(made.columns) == ["FLT3", "7", "TP53"]
    assert list(made.index) == ["a", "b"]
    assert (made.dtypes == np.float32).all()
    np.testing.assert_array_equal(made.to_numpy(), [[1, 1.5, np.nan], [2, np.nan, 3.25]])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([[1.0]], "got a list; expected a pandas DataFrame .* samples x genes"),
        (np.ones((2, 2)), "got a ndarray"),
        (pd.Series({"FLT3": 1.0}), r"got a Series; .*series\.to_frame\(\)\.T"),
        (pd.DataFrame(columns=["FLT3"], dtype=float), r"no samples \(rows\)"),
        (pd.DataFrame(index=["a"]), r"no genes \(columns\)"),
    ],
)
def test_what_is_no_table_of_samples_is_refused(given: object, said: str):
    with pytest.raises(BadInputError, match=said):
        checked_samples(given)


def test_all_problems_are_listed():
    given = frame(ModelID=["ACH-1", "ACH-2"], FLT3=[1.0, 2.0], day=pd.to_datetime(["2020-01-01"] * 2))
    given = pd.concat([given, given[["FLT3"]]], axis=1)
    with pytest.raises(BadInputError) as found:
        checked_samples(given)
    double, text, day = found.value.problems
    assert double == "columns 'FLT3', 'FLT3' name the same gene; keep one of them"
    assert text.startswith("column 'ModelID': 'ACH-1' in row 'a' is not a number")
    assert "the index" in text
    assert day.startswith("column 'day': '2020-01-01 00:00:00' in row 'a' is not a number")


def test_a_gene_twice_is_found_and_genes_that_share_a_symbol_are_none():
    labels = ["FLT3", "KRAS", "FLT3 (2322)", "DUX4 (1)", "DUX4 (2)", "TP53..7157.", "TP53 (7157)"]
    assert same_genes(labels) == [["FLT3", "FLT3 (2322)"], ["TP53..7157.", "TP53 (7157)"]]
    assert same_genes(["A (1)", "A (nan)", "A (2)"]) == [["A (1)", "A (nan)", "A (2)"]]


def test_a_gene_is_found_by_its_label_and_by_its_name_in_a_dataset():
    place = gene_columns(["FLT3 (2322)", "TP53..7157.", "DUX4 (1)", "DUX4 (2)", "KRAS"])
    found = {gene: place.get(gene) for gene in ("FLT3", "FLT3 (2322)", "TP53", "DUX4", "DUX4 (2)", "KRAS")}
    assert found == {"FLT3": 0, "FLT3 (2322)": 0, "TP53": 1, "DUX4": None, "DUX4 (2)": 3, "KRAS": 4}


def test_a_label_as_written_goes_before_a_name():
    assert gene_columns(["A", "A (nan)"])["A"] == 0


def test_labels_that_are_unknown_get_a_hint():
    def said(columns: list[str], index: list[str]) -> str:
        samples = pd.DataFrame(np.ones((len(index), len(columns))), index=index, columns=columns)
        return none_known(samples, ["FLT3", "KRAS", "C1orf112", "DUX4 (1)"])

    strange = said(["E1", "E2", "E3", "E4"], ["a"])
    assert strange == (
        "none of the models' genes are known in these samples: columns must be gene symbols "
        "(such as 'FLT3', 'KRAS', 'C1orf112', ...; these are 'E1', 'E2', 'E3', ...)"
    )
    lower = said(["flt3 (2322)", "C1ORF112", "other"], ["a"])
    assert "2 columns differ from the models' genes in upper and lower case alone" in lower
    assert "did you mean 'FLT3' by 'flt3'?" in lower
    turned = said(["a", "b"], ["KRAS", "FLT3 (2322)", "other"])
    assert "2 rows are named as the models' genes are ('KRAS', 'FLT3')" in turned
    assert "transpose" in turned
    assert "upper" not in turned
    other = said(["DUX4 (3)"], ["a"])
    assert "1 columns are named so, but hold no value, or another gene's id" in other


def test_labels_that_are_known_get_no_hint():
    samples = frame(FLT3=[1.0, 2.0], KRAS=[1.0, 2.0])
    assert in_other_words(samples, ["FLT3", "KRAS", "TP53"]) == ""
