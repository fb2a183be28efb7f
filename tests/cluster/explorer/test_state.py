"""What a page's address says: read with care, written so that it reads back."""

import json
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from cluster.explorer.state import address, arguments, gene_in, gene_path, table_state

COLUMNS = ("target", "pearson", "gain")


@given(st.text(min_size=1))
def test_a_genes_address_leads_back_to_its_name(name: str):
    assert gene_in(gene_path(name)) == name


@given(st.text(min_size=1), st.text(min_size=1))
def test_arguments_read_back(one: str, other: str):
    search = urlsplit(address("/", method=one, find=other)).query
    assert arguments("?" + search) == {"method": one, "find": other}


def test_a_tables_state_keeps_what_makes_sense():
    filters = {
        "gain": {"filterType": "number", "type": "greaterThan", "filter": 0.1},
        "evil": {},
        "pearson": 3,
    }
    said = {
        "sort": "gain:desc,nothing:asc,pearson:up",
        "filter": json.dumps(filters),
        "columns": "gain,gain,x",
    }
    state = table_state(said, COLUMNS)
    assert state.sort == (("gain", "desc"), ("pearson", "asc"))
    assert state.filters == {"gain": filters["gain"]}
    assert state.columns == ("gain",)


def test_nonsense_is_an_empty_state():
    for text in ("{", "[1]", "null", "3", '"x"'):
        assert table_state({"filter": text}, COLUMNS).filters == {}
    assert table_state({}, COLUMNS).sort == ()


def test_other_paths_are_no_genes():
    assert [gene_in(path) for path in ("/", "/gene/", "/genes/A", "/about")] == [None] * 4
