"""Relations of genes from files, whichever symbol of a renamed gene they use."""

from pathlib import Path

from cluster.answers.relating import relations_in_files


def test_renamed_genes_are_known_by_both_symbols(tmp_path: Path) -> None:
    sets, pairs = tmp_path / "s.gmt", tmp_path / "p.csv"
    sets.write_text("A\tx\tMLL2\tTP53\n")
    pairs.write_text("gene,paralog\nMLL,MLL2\n")
    known = relations_in_files([pairs], [sets])
    assert set(known.sets) == {"MLL2", "KMT2D", "TP53"}
    assert known.sizes == {"A": 2}
    assert known.paralogs["KMT2D"] == {"MLL", "KMT2A"}
