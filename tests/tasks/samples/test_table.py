"""Files as people have them: every type, separator and orientation, and what is refused."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import BadInputError
from tasks.samples.gene_ids import index_of
from tasks.samples.orientation import columns_of_genes, sided
from tasks.samples.prepare import Reading, prepare
from tasks.samples.table import Table, read_table, table_of_frame

GENES = ["FLT3", "KRAS", "TP53"]
VALUES = np.array([[1.5, 0.25, 3.0], [2.0, np.nan, 4.5]], dtype=np.float32)
FRAME = pd.DataFrame(VALUES, index=pd.Index(["a", "b"], name="sample"), columns=GENES)


def text(frame: pd.DataFrame, separator: str = ",", decimal: str = ".") -> str:
    return str(frame.to_csv(sep=separator, decimal=decimal))


def written(path: Path, content: str) -> Table:
    path.write_bytes(content.encode())
    return read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", text(FRAME), ""),
        ("x.tsv", text(FRAME, "\t"), ""),
        ("x.txt", text(FRAME, "\t"), ""),
        ("x.csv", "\ufeff" + text(FRAME), "byte order mark"),
        ("x.csv", text(FRAME).replace("\n", "\r\n"), ""),
        ("x.csv", text(FRAME, ";", ","), "semicolons"),
        ("x.csv", text(FRAME, ";"), "semicolons"),
        ("x.tsv", text(FRAME, "\t", ","), "decimal commas"),
        ("x.txt", text(FRAME), "commas"),
        ("x.csv", text(FRAME).replace("\n", ",\n"), ""),
        ("x.csv", "# made today\n" + text(FRAME), ""),
        ("x.tsv", text(FRAME, "\t").removeprefix("sample\t"), ""),  # as R writes row names
        ("x.csv", text(FRAME).replace(",,", ",NA,"), ""),
    ],
)
def test_delimited_text_of_every_kind(tmp_path: Path, name: str, content: str, said: str):
    table = written(tmp_path / name, content)
    assert (table.rows, table.columns) == (["a", "b"], GENES)
    np.testing.assert_array_equal(table.values, VALUES)
    assert said in " ".join(table.notes)
    assert bool(table.notes) is bool(said)


def test_zipped_text_and_parquet(tmp_path: Path):
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text(FRAME).encode()))
    FRAME.assign(cohort=["UVM", "ACC"]).to_parquet(tmp_path / "x.parquet")
    FRAME.reset_index().to_parquet(tmp_path / "y.parquet")
    for name in ("x.csv.gz", "x.parquet", "y.parquet"):
        table = read_table(tmp_path / name)
        assert (table.rows, table.columns) == (["a", "b"], GENES)
        np.testing.assert_array_equal(table.values, VALUES)
    assert read_table(tmp_path / "x.parquet").texts == {"cohort": ["UVM", "ACC"]}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", "", "the file is empty"),
        ("x.csv", "sample\na\n", "only one column"),
        (
            "x.csv",
            "sample,FLT3,KRAS\na,1,2\nb,x,3\nc,4,5\nd,1,1\n",
            "column 'FLT3': 'x' in row 3 is not a number",
        ),
        ("x.csv", "sample,FLT3\n", "no rows or no columns of numbers"),
        ("x.csv", "sample,FLT3\na,1\nb,1,2\n", "cannot be read as a table"),
        ("x.csv", "sample;FLT3;KRAS\na;1,234;2,345\n", "decimal comma or one for thousands"),
        ("x.xlsx", "whatever", "expected a file of type .csv"),
        ("x.parquet", "whatever", "not a readable Parquet file"),
        ("x.csv.gz", "whatever", "damaged|cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: str, said: str):
    with pytest.raises(BadInputError, match=said):
        written(tmp_path / name, content)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_table(tmp_path / "none.csv")


def test_h5ad_without_anndata_says_what_to_install(tmp_path: Path):
    if importlib.util.find_spec("anndata"):
        pytest.skip("anndata is installed here")
    with pytest.raises(BadInputError, match=r"takes the package anndata: pip install 'knockcast\[h5ad\]'"):
        read_table(tmp_path / "x.h5ad")


@pytest.mark.parametrize("sparse", [False, True])
def test_h5ad_gives_samples_and_names_of_genes(tmp_path: Path, sparse: bool):
    anndata = pytest.importorskip("anndata", reason="anndata is not installed: .h5ad was not tested")
    from scipy.sparse import csr_matrix

    ids = [f"ENSG0000000000{i}" for i in range(3)]
    values = np.nan_to_num(VALUES)
    # Text as objects: anndata does not write the strings of pandas 3.
    held = anndata.AnnData(
        csr_matrix(values) if sparse else values,
        obs=pd.DataFrame({"cohort": ["UVM", "ACC"]}, index=pd.Index(["a", "b"], dtype=object), dtype=object),
        var=pd.DataFrame({"gene_symbols": GENES}, index=pd.Index(ids, dtype=object), dtype=object),
    )
    held.write_h5ad(tmp_path / "x.h5ad")
    made = sided(read_table(tmp_path / "x.h5ad"), index_of(GENES))
    assert made.table.rows == ["a", "b"]
    np.testing.assert_array_equal(made.table.values, values)
    assert [found.gene for found in made.found if found] == GENES
    assert any("gene_symbols" in note for note in made.notes)


def test_the_side_of_the_genes_is_found():
    table = Table("x", ["a", "b"], GENES, VALUES)
    for given in (table, table.transposed()):
        made = sided(given, index_of(GENES))
        assert (made.table.rows, made.labels) == (["a", "b"], GENES)
        np.testing.assert_array_equal(made.table.values, VALUES)
        assert any("turned" in note for note in made.notes) is (given is not table)
    forced = sided(table, index_of(GENES), "genes")
    assert not any(forced.found)
    with pytest.raises(BadInputError, match="--orientation up: expected one of auto, samples, genes"):
        sided(table, index_of(GENES), "up")


def test_columns_that_only_count_are_no_entrez_ids():
    frame = pd.DataFrame([[1.0, 2.0, 3.0]], index=["s"], columns=["1", "2", "3"])
    index = index_of(["A1BG", "A2M"])
    assert sided(table_of_frame(frame), index).found == [None] * 3
    with pytest.raises(BadInputError, match="these only count, and name no gene"):
        prepare(table_of_frame(frame), index, None, Reading())
    assert sided(table_of_frame(frame[["2", "3", "1"]]), index).found[0].gene == "A2M"


def test_genes_may_be_named_by_a_column_of_text_and_described_by_others(tmp_path: Path):
    turned = FRAME.T.copy()
    turned.insert(0, "length", [100.0, 200.0, 300.0])
    turned.insert(0, "gene_name", GENES)
    turned.index = pd.Index(["ENSG00000000001.4", "ENSG00000000002.1", "ENSG00000000003.9"], name="gene_id")
    made = sided(written(tmp_path / "x.tsv", text(turned, "\t")), index_of(GENES))
    assert made.table.rows == ["a", "b"]
    np.testing.assert_array_equal(made.table.values, VALUES)
    assert "genes are named by the column 'gene_name'" in made.notes
    assert "columns that describe genes are not used: length" in made.notes


def test_one_gene_in_several_columns():
    index = index_of(["FLT3", "KMT2D"])
    values = np.array([[1, 2, 5, 9], [1, 2, 6, 9]], dtype=np.float32)

    def kept(labels: list[str], columns: list[int]) -> tuple[dict[str, int], list[str], list[str]]:
        return columns_of_genes(sided(Table("x", ["a", "b"], labels, values[:, columns]), index))

    assert kept(["FLT3", "flt3"], [0, 0]) == ({"FLT3": 0}, [], [])  # equal values
    place, _, problems = kept(["FLT3", "FLT3 (2322)", "KMT2D"], [0, 1, 2])
    assert problems == ["columns 'FLT3', 'FLT3 (2322)' name the same gene; keep one of them"]
    for label in ("FLT3", "MLL2"):  # an alias, too
        assert kept([label, label], [0, 1])[2] == [
            f"columns '{label}', '{label}' name the same gene; keep one of them"
        ]
    place, notes, problems = kept(["MLL2", "KMT2D", "FLT3"], [3, 1, 0])
    assert (place["KMT2D"], problems) == (1, [])  # the models' own name, though lower
    assert "1 genes stand there under several ids" in notes[0]
    by_ids = index_of(["A (1)"], {"A (1)": 1})
    made = columns_of_genes(sided(Table("x", ["a", "b"], ["1", "1|x", "z"], values[:, :3]), by_ids))
    assert made[0] == {"A (1)": 1}  # the highest mean


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.parquet", "x.csv.gz"])
def test_a_name_that_stands_in_a_file_twice_is_there_twice(tmp_path: Path, name: str, turned: bool):
    labels = ["FLT3", "KRAS", "FLT3"]
    frame = pd.DataFrame(VALUES, index=FRAME.index, columns=labels)
    frame = frame.T.rename_axis("gene") if turned else frame
    if name.endswith(".parquet"):
        columns = [pa.array(frame.index), *(pa.array(frame.iloc[:, i]) for i in range(frame.shape[1]))]
        pq.write_table(pa.table(columns, names=[frame.index.name, *frame.columns]), tmp_path / name)
    else:
        frame.to_csv(tmp_path / name, sep="\t" if ".tsv" in name else ",")
    made = sided(read_table(tmp_path / name), index_of(GENES))
    assert made.labels == labels
    assert "2 of 2 genes are the models': 2 by symbol" in made.notes
    side = "rows" if turned else "columns"  # as they stand in the file
    assert columns_of_genes(made)[2] == [f"{side} 'FLT3', 'FLT3' name the same gene; keep one of them"]


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_a_name_that_stands_in_h5ad_twice_is_there_twice(tmp_path: Path):
    anndata = pytest.importorskip("anndata", reason="anndata is not installed: .h5ad was not tested")
    names = [pd.Index(each, dtype=object) for each in (["a", "b"], ["FLT3", "KRAS", "FLT3"])]
    obs, var = (pd.DataFrame(index=each) for each in names)
    anndata.AnnData(np.nan_to_num(VALUES), obs=obs, var=var).write_h5ad(tmp_path / "x.h5ad")
    made = sided(read_table(tmp_path / "x.h5ad"), index_of(GENES))
    assert columns_of_genes(made)[2] == ["columns 'FLT3', 'FLT3' name the same gene; keep one of them"]


def test_a_double_that_pandas_or_r_renamed_is_told_where_it_holds_other_values():
    def notes(labels: list[str], columns: list[int]) -> list[str]:
        table = Table("x", ["a", "b"], labels, np.array([[1, 2], [3, 4]], dtype=np.float32)[:, columns])
        place, said, problems = columns_of_genes(sided(table, index_of(["FLT3", "KRAS", "NM.1"])))
        assert (place["FLT3"], problems) == (0, [])
        return said

    (said,) = notes(["FLT3", "KRAS", "FLT3.1"], [0, 0, 1])
    assert said.startswith("LOOK AGAIN: 1 columns look like the second of a gene")
    assert "FLT3.1" in said
    assert notes(["FLT3", "FLT3.1"], [0, 0]) == []  # the same values
    rows = Table("x", ["FLT3", "KRAS", "FLT3.1"], ["a", "b"], np.array([[1, 2], [1, 2], [3, 4]], np.float32))
    (said,) = columns_of_genes(sided(rows, index_of(["FLT3", "KRAS"])))[1]
    assert said.startswith("LOOK AGAIN: 1 rows look like the second of a gene")
    assert notes(["FLT3", "NM.1", "XYZ.1"], [0, 1, 1]) == []  # a gene of its own, and one of nobody's


def test_a_first_column_of_expression_is_no_names(tmp_path: Path):
    unnamed = "FLT3,KRAS,TP53\n1.503,0.25,3.0\n0,1.5,4.5\n"
    with pytest.raises(
        BadInputError, match=r"column 'FLT3' holds numbers \(1.503, 0\), where the samples' names"
    ):
        written(tmp_path / "x.csv", unnamed)
    for named in (
        unnamed.replace("FLT3", "sample"),
        unnamed.replace("1.503", "1.5").replace("FLT3", "patient"),
    ):
        assert written(tmp_path / "x.csv", named).columns == ["KRAS", "TP53"]


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.h5ad"])
def test_a_file_that_is_not_there_is_said_to_be_none(tmp_path: Path, name: str):
    if name == "x.h5ad":
        pytest.importorskip("anndata")
    with pytest.raises(BadInputError, match=r"x\.\w+: cannot be read \(No such file"):
        read_table(tmp_path / name)
