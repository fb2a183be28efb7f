"""Files that name renamed genes otherwise than the run."""

from tasks.gene_sets.aliases import other_names, pairs_by, sets_by
from tasks.gene_sets.gmt import GeneSets
from tasks.gene_sets.paralogs import Paralogs


def test_a_renamed_gene_goes_by_the_symbol_that_the_run_has() -> None:
    sets = GeneSets("s", {"A": frozenset({"MLL2", "TP53", "SILV"}), "B": frozenset({"KMT2D"})}, "0")
    assert sets_by({"KMT2D", "TP53"}, sets).sets == {"A": {"KMT2D", "TP53", "SILV"}, "B": {"KMT2D"}}
    assert sets_by({"MLL2"}, sets).sets == {"A": {"MLL2", "TP53", "SILV"}, "B": {"MLL2"}}


def test_a_name_of_the_run_is_kept_and_one_of_two_genes_is_not_guessed() -> None:
    """CGAS was C6orf150 and MB21D1: a run that has both cannot tell which is meant."""
    sets = GeneSets("s", {"A": frozenset({"CGAS"})}, "0")
    assert other_names("CGAS") == ("C6ORF150", "MB21D1")
    assert sets_by({"C6ORF150", "MB21D1"}, sets).sets == {"A": {"CGAS"}}
    assert sets_by({"CGAS", "MB21D1"}, sets).sets == {"A": {"CGAS"}}
    assert other_names("TP53") == ()


def test_pairs_stay_in_order_and_a_gene_is_no_paralog_of_itself() -> None:
    pairs = Paralogs("p", (("KMT2A", "MLL2"), ("MLL", "MLL2"), ("KMT2D", "MLL2")), "0", 0)
    assert pairs_by({"KMT2D", "KMT2A"}, pairs).pairs == (("KMT2A", "KMT2D"),)
