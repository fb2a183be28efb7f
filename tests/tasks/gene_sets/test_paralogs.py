from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.gene_sets.paralogs import read_paralogs

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_pairs_count_once_in_either_order_and_never_with_themselves(tmp_path: Path) -> None:
    rows = "\ufeffA1,A2,p\nTP53,TP63,1\ntp63,TP53,2\nMYC,MYC,3\nRPP25,RPP25L,NA\n"
    found = read_paralogs(written(tmp_path / "pairs.csv", rows))
    assert found.pairs == (("RPP25", "RPP25L"), ("TP53", "TP63"))
    assert found.of_each()["TP63"] == {"TP53"}
    assert (found.name, found.half) == ("pairs", 0)


def test_biomart_lists_genes_without_a_paralog(tmp_path: Path) -> None:
    header = "Gene stable ID\tGene name\tHuman paralogue associated gene name\n"
    rows = header + "E1\tTP53\tTP63\nE2\tXIST\t\nE3\t\t\n"
    found = read_paralogs(written(tmp_path / "mart_export.txt", rows))
    assert (found.pairs, found.half) == ((("TP53", "TP63"),), 1)


def test_any_two_columns_will_do_and_parquet_is_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": ["A", "B"], "y": ["B", "C"]})
    frame.to_csv(tmp_path / "two.tsv", sep="\t", index=False)
    frame.to_parquet(tmp_path / "two.parquet")
    pairs = (("A", "B"), ("B", "C"))
    assert read_paralogs(tmp_path / "two.tsv").pairs == read_paralogs(tmp_path / "two.parquet").pairs == pairs


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("f.csv", "a,b,c\n1,2,3\n", "no two columns that name a pair of genes; it has a, b, c"),
        ("f.csv", "A1,A2\n", "holds no pair"),
        ("f.csv", "", "no two columns"),
        ("f.csv", "A1,A2\nTP53\nTP53,TP63,x\n", "row 2 has not the 2 columns of the header, nor have 1 more"),
        ("f.xlsx", "A1", "expected .csv"),
        ("f.parquet", "no parquet", "not a readable Parquet file"),
        ("g.csv", "A1|A2\nTP53|TP63\n", "no two columns that name a pair of genes; it has A1|A2"),
    ],
)
def test_what_is_no_table_of_pairs_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(BadInputError) as raised:
        read_paralogs(written(tmp_path / name, text))
    assert words in raised.value.text()


def test_every_bad_cell_is_named(tmp_path: Path) -> None:
    rows = "A1,A2\nTP53,7157\nTP 53,TP63\n" + "1,2\n" * 20
    with pytest.raises(BadInputError) as raised:
        read_paralogs(written(tmp_path / "f.csv", rows))
    problems = raised.value.problems
    assert "row 2, column A2: '7157' is no gene symbol" in problems[0]
    assert "row 3, column A1: 'TP 53' is no gene symbol" in problems[1]
    assert problems[-1].endswith("and 22 more cells that are no gene symbols")


@pytest.mark.skipif(not REAL.is_dir(), reason="no real paralogs at ../shared/data")
def test_both_real_tables_are_read() -> None:
    dekegel, ensembl = (
        read_paralogs(REAL / f"paralogs_{name}.parquet") for name in ("dekegel2019", "ensembl")
    )
    assert len(dekegel.pairs) == 5666
    assert len(ensembl.pairs) == 66505
    assert "SMARCA4" in dekegel.of_each()["SMARCA2"]
