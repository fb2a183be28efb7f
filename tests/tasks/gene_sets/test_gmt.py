import gzip
from pathlib import Path

import pytest

from tasks.errors import BadInputError
from tasks.gene_sets.gmt import read_gmt
from tasks.gene_sets.symbols import symbol_of

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "gene_sets"


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_sets_are_read_as_msigdb_and_enrichr_write_them(tmp_path: Path) -> None:
    text = "\ufeffA set\thttp://x\tTP53\tmyc\tTP53\r\n\nB\t\tHLA-DRB1,1.0\tC1orf112,0.5\t\n"
    found = read_gmt(written(tmp_path / "My.sets.gmt", text))
    assert found.name == "My.sets"
    assert found.sets == {"A set": {"TP53", "MYC"}, "B": {"HLA-DRB1", "C1ORF112"}}
    assert found.genes == {"TP53", "MYC", "HLA-DRB1", "C1ORF112"}
    packed = tmp_path / "packed.gmt.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert read_gmt(packed).sets == found.sets
    assert read_gmt(packed).name == "packed"


def test_every_problem_is_listed_with_its_line(tmp_path: Path) -> None:
    text = "A\tx\tTP53\nB\tx\nA\tx\tMYC\n\tx\tMYC\nC\tx\t7157\tTP 53\nno tabs, here, at all\n"
    with pytest.raises(BadInputError) as raised:
        read_gmt(written(tmp_path / "f.gmt", text))
    assert [problem.removeprefix(f"{tmp_path}/f.gmt: ") for problem in raised.value.problems] == [
        "line 2: the set 'B' has no genes; expected them from the third column on",
        "line 3: the set 'A' is there twice (first in line 1); keep one",
        "line 4: the set has no name that shows; expected it in the first column",
        "line 5: 'C' holds '7157' and 1 more, no gene symbol; expected symbols such as TP53",
        "line 6: no tab, found ',' instead; expected name, description and genes, with tabs between them",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no gene set"),
        (b"\n \n", "holds no gene set"),
        (b"gene\nTP53\n", "no line has a tab"),
        (b"A\tx\tTP53\nB\tx\t\xff\n", "line 2: not UTF-8"),
    ],
)
def test_files_that_are_no_gmt_are_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "f.gmt").write_bytes(content)
    with pytest.raises(BadInputError, match=words) as raised:
        read_gmt(tmp_path / "f.gmt")
    assert len(raised.value.problems) == 1


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.gmt: cannot be read"):
        read_gmt(tmp_path / "none.gmt")
    (tmp_path / "cut.gmt.gz").write_bytes(gzip.compress(b"A\tx\tTP53\n")[:-9])
    with pytest.raises(BadInputError, match="compressed file is damaged"):
        read_gmt(tmp_path / "cut.gmt.gz")


def test_symbols_are_compared_in_capitals_without_ids() -> None:
    assert [symbol_of(label) for label in ("C1orf112 (55732)", "HLA-A", "TP53 (ENSG00000141510)")] == [
        "C1ORF112",
        "HLA-A",
        "TP53",
    ]


@pytest.mark.skipif(not REAL.is_dir(), reason="no real gene sets at ../shared/data/gene_sets")
def test_real_collections_are_read_whole() -> None:
    counts = {
        path.name: len(read_gmt(path).sets) for path in sorted(REAL.glob("*.gmt")) if "GO_" not in path.name
    }
    assert counts["KEGG_2021_Human.gmt"] == 320
    assert counts["msigdb_h.all.v7.5.1.symbols.gmt"] == 50
    assert counts["msigdb_c2.cp.reactome.v7.2.symbols.gmt"] == 1554
