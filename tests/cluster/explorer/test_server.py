"""The explorer's server without a browser: its port, its token, its files, the command's errors."""

import dataclasses
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

pytest.importorskip("dash_ag_grid", reason="the extra `explore` is not installed: these tests did not run")

from cluster import Store
from cluster.errors import DamagedFileError
from cluster.explorer.charts import against, as_panel, moved_apart
from cluster.explorer.data import StoreData
from cluster.explorer.forecast import read_forecast
from cluster.explorer.index import build_index, index_key
from cluster.explorer.pages import PAGES, about, page_of
from cluster.explorer.pages.explanation import ELSEWHERE, explanation
from cluster.explorer.pages.gene import rest
from cluster.explorer.pages.methods import _summary
from cluster.explorer.pages.parts import Page, counted, number
from cluster.explorer.pages.samples import SHOWN
from cluster.explorer.pages.tissues import in_order
from cluster.explorer.reader import KeptReader
from cluster.explorer.state import arguments, table_state
from cluster.explorer.web.app import _readable, make_app
from cluster.explorer.web.downloads import columns_of
from cluster.explorer.web.guard import guard
from cluster.explorer.web.server import _bound
from cluster.figures.gene.registry import PANELS
from tasks.analyses.answer.wording import sentences
from tasks.errors import BadInputError
from tests.browser.stores import EVIL, explored_store, long_forecast
from tests.made_stores import BODY, made_store, made_writer, units_of

PORT, TOKEN = 8123, "right"
COMMANDS = {"/tissues": "tissues", "/validation": "validate", "/enrichment": "enrich"}
HOME = f"http://127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> StoreData:
    folder = tmp_path_factory.mktemp("server")
    return StoreData(explored_store(folder), folder / "cache")


@pytest.fixture
def client(data: StoreData) -> Any:
    app = make_app(data)
    guard(app.server, TOKEN, PORT, app.csp_hashes)
    return app.server.test_client()


def let_in(client: Any) -> Any:
    client.get("/", query_string={"token": TOKEN}, base_url=HOME)
    return client


def test_the_token_becomes_a_cookie_and_leaves_the_address(client: Any):
    answer = client.get("/gene/A", query_string={"token": TOKEN, "method": "x"}, base_url=HOME)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/gene/A?method=x")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/", base_url=HOME).status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "rightx", "é"])
def test_another_token_opens_nothing(client: Any, token: str):
    assert client.get("/", query_string={"token": token}, base_url=HOME).status_code == 403
    assert client.get("/data/genes/ridge.json", base_url=HOME).status_code == 403


def test_a_redirect_never_leaves(client: Any):
    for path in ("//evil.example/x", "/%2fevil.example/x", "/\\evil.example/x"):
        place = client.get(path, query_string={"token": TOKEN}, base_url=HOME).headers["Location"]
        assert place[0] == "/"
        assert place[1] not in "/\\"


def test_rows_for_the_grid_are_those_of_genes(client: Any, data: StoreData):
    found = let_in(client).get("/data/genes/ridge.json", base_url=HOME)
    assert found.headers["Content-Encoding"] == "gzip"
    frame = data.genes("ridge")
    assert len(frame) == len(data.targets)
    assert client.get("/data/genes/none.json", base_url=HOME).status_code == 404


def test_a_file_holds_the_rows_asked_for_in_their_order(client: Any, data: StoreData):
    asked = {"targets": ["KRAS", EVIL, "nope"], "columns": ["target", "pearson", "evil"]}
    answer = let_in(client).post("/data/genes/ridge.csv", json=asked, base_url=HOME)
    lines = answer.get_data(as_text=True).splitlines()
    assert lines[0].replace('"', "") == "method,target,pearson"
    assert [line.split(",")[1].strip('"') for line in lines[1:]] == ["KRAS", EVIL]


def test_before_the_index_the_table_has_what_scores_alone_say(data: StoreData):
    whole = Store(data.path).genes()
    for method in data.methods:
        quick = data.genes(method)
        expected = whole[whole["method"] == method].reset_index(drop=True)
        for column in ("target", "folds", "pearson", "model"):
            pd.testing.assert_series_equal(
                quick[column], expected[column], check_dtype=False, check_exact=False, rtol=1e-12
            )
        assert quick["q_value"].isna().all()


@pytest.mark.parametrize("path", [*PAGES, "/gene/KRAS", "/gene/x", "/else"])
def test_every_page_can_be_made_before_the_index(data: StoreData, path: str):
    assert page_of(data, path, "?sort=x&with=%00&columns=,").title


def test_before_the_index_nothing_is_said_of_chance(data: StoreData):
    """q is not known by then: a target is neither predicted nor not."""
    assert not data.knows_q
    for target in ("KRAS", "none1"):
        said = str(rest(data, {"target": target, "method": "modifiers"}))
        assert "by chance" not in said
    assert _summary({m: data.genes(m) for m in data.methods})["significant"].isna().all()


def test_the_answer_of_a_page_is_that_of_the_command(data: StoreData, tmp_path: Path):
    store = Store(data.path)
    build_index(KeptReader.open(data.path), tmp_path / index_key(data.reader), lambda share: None)
    ready = StoreData(data.path, tmp_path)
    assert not ready.is_ready
    ready.prepare()
    assert ready.is_ready
    for name in ("KRAS", EVIL, "none1", "flat1"):
        for method in (None, *ready.methods):
            address = f"?method={method}" if method else ""
            text = str(page_of(ready, f"/gene/{quote(name, safe='')}", address).content)
            for sentence in sentences(store.gene(name, method).verdict):
                assert repr(sentence)[1:-1] in text


@pytest.mark.parametrize(
    ("name", "target"), [("mll2", "KMT2D"), ("kras", "KRAS"), ("nope", None), ("", None)]
)
def test_a_page_takes_every_name_that_the_command_takes(data: StoreData, name: str, target: str | None):
    assert data.resolve(name) == target


def test_results_of_commands_are_told_in_words(data: StoreData):
    said = {path: str(page_of(data, path, "").content) for path in ("/tissues", "/validation", "/enrichment")}
    assert "Of 2 targets, 2 are predicted to be needed more in at least one of 2 groups" in said["/tissues"]
    assert f"SOX10 in {EVIL}" in said["/tissues"]
    assert "No target stands out in Lung." in str(page_of(data, "/tissues", "?group=Lung&result=x").content)
    assert "correlate with r 0.50 on average over 2 targets" in said["/validation"]
    assert "the mean is 0.50, where 0.60 was found out of fold" in said["/validation"]
    assert (
        "of 60 targets, 12 have a paralog among the genes that modifiers chose; 2.5 would"
        in said["/enrichment"]
    )
    assert "paralog" in str(rest(data, {"target": "KRAS", "method": "modifiers"}))


def test_of_several_results_the_current_that_counts_flagged_samples_comes_first():
    analyses = pd.DataFrame({"analysis": ["a", "b", "c"], "current": [False, True, True]})
    rows = pd.DataFrame({"analysis": ["a", "b", "c"], "flagged": pd.array([3, None, 0], "Int32")})
    assert in_order(analyses, rows) == ["c", "b", "a"]


def test_a_store_without_results_of_commands_says_which_command_makes_them(tmp_path: Path):
    made_store(tmp_path / "store")
    empty = StoreData(tmp_path / "store", tmp_path / "cache")
    for path in ("/tissues", "/validation", "/enrichment"):
        assert f"knockcast {COMMANDS[path]} {empty.path}" in str(page_of(empty, path, "").content)


def test_a_port_that_is_taken_is_named():
    held = _bound(0)
    number = held.getsockname()[1]
    with pytest.raises(
        BadInputError, match=f"--port {number}: cannot be opened: another program listens there"
    ):
        _bound(number)
    held.close()


def test_a_port_that_cannot_be_is_refused():
    with pytest.raises(BadInputError, match="--port 70000"):
        _bound(70000)


def test_numbers_for_the_grid_keep_six_digits_and_missing_ones_are_null():
    values = [1.23456789, -0.000123456789, 1e-300, 4e-310, 0.0, np.nan, 123456789.0, 1.0]
    found = columns_of(pd.DataFrame({"a": values, "none": [np.nan] * 8, "t": [*"xyzuvw", None, "q"]}))
    expected = [None if np.isnan(v) else float(f"{v:.6g}") for v in values]
    assert found["a"][5] is None
    np.testing.assert_allclose(np.array(found["a"], float), np.array(expected, float), rtol=1e-5, atol=1e-300)
    assert found["a"][:2] == expected[:2]
    assert list(found) == ["a", "t"]
    assert found["t"][6] is None


def test_the_explanation_has_the_figures_of_explain(data: StoreData):
    parts = explanation(data, "KRAS")
    headings = {str(part.children[0].children) for part in parts}
    drawn = {panel.heading for name, panel in PANELS.items() if name not in ELSEWHERE}
    assert {PANELS["stability"].heading, PANELS["errors"].heading} <= headings
    assert headings <= {*drawn, "What is missing", "Co-dependent targets"}


def test_a_figure_loses_its_title_and_keeps_its_note():
    figure = go.Figure(layout={"title": {"text": "T", "subtitle": {"text": "a<br>b"}}})
    changed, note = as_panel(figure)
    assert note == "a b"
    assert changed.layout.title.text is None


def test_a_damaged_file_is_an_error_that_the_page_tells():
    def damaged() -> Page:
        raise DamagedFileError("data/x.parquet: damaged")

    page = _readable(damaged)
    assert page.title == "This cannot be read"
    assert "data/x.parquet: damaged" in str(page.content)


def test_levels_of_two_genes_are_drawn_apart_and_told_as_they_are():
    levels = pd.DataFrame({"cell_line": [f"c{n}" for n in range(60)], "lineage": "Lung"})
    levels["measured"] = np.arange(60) % 3
    drawn = against(levels, levels, ("A", "B"), "measured").data[0]
    assert len(set(zip(drawn.x, drawn.y, strict=True))) == 60
    assert np.abs(np.corrcoef(drawn.x - levels["measured"], drawn.y - levels["measured"])[0, 1]) < 0.5
    np.testing.assert_array_equal(drawn.customdata[:, 0], levels["measured"])
    again = against(levels, levels, ("A", "B"), "measured").data[0]
    np.testing.assert_array_equal(drawn.x, again.x)
    assert "moved apart" in moved_apart(levels["measured"])
    assert moved_apart(levels["measured"] + np.arange(60) / 100) == ""


def test_a_fold_of_final_models_counts_for_no_score(tmp_path: Path):
    folds = [{"number": n, "name": f"f{n}", "n_train": 9, "n_test": 3 * (n >= 0)} for n in (0, -1)]
    for planned in ([0], [0, -1]):
        path = tmp_path / f"store{len(planned)}"
        made_writer(path, BODY | {"folds": folds}).add_plan(units_of(["A"], planned))
        said = str(about.page(StoreData(path, tmp_path / "cache"), {}).content)
        assert said.count("nothing is held out") == len(planned) - 1
        assert said.count("'yes'") == 1


def test_part_of_a_name_is_completed(client: Any, data: StoreData):
    let_in(client)
    for text, target, completions in (("ras", None, ["KRAS", "NRAS"]), ("mll2", "KMT2D", []), ("", None, [])):
        found = client.get("/data/find.json", query_string={"text": text}, base_url=HOME).get_json()
        assert found == {"target": target, "completions": completions}
    said = str(page_of(data, "/gene/ras", "").content)
    assert "/gene/KRAS" in said
    assert "/gene/NRAS" in said


def test_a_file_of_another_store_is_shown_with_a_warning(data: StoreData, tmp_path: Path):
    other = long_forecast(tmp_path, explored_store(tmp_path / "other"))
    mine = read_forecast(other)
    for path in ("/forecast", "/sample/zeros"):
        assert "another store" not in str(page_of(data, path, "", mine).content)
        foreign = dataclasses.replace(mine, table=mine.table.rename(columns={"KRAS": "UNKNOWN1"}))
        said = str(page_of(data, path, "", foreign).content)
        assert (
            "This file is of another store: this store has no scores of 1 of its targets (UNKNOWN1)." in said
        )


@pytest.mark.parametrize(("count", "said"), [(1, "1 unit"), (0, "0 units"), (20215, "20 215 units")])
def test_numbers_are_written_in_one_way(count: int, said: str):
    assert counted(count, "unit") == said
    assert number(count, 0) == said.rpartition(" ")[0]


def test_groups_of_samples_are_shown_in_the_list_and_on_a_page(data: StoreData, tmp_path: Path):
    mine = read_forecast(long_forecast(tmp_path, Path(data.path)))
    assert "Group" not in str(page_of(data, "/forecast", "", mine).content)
    grouped = dataclasses.replace(mine, groups={"zeros": EVIL, "tumour 1": EVIL, "another": EVIL})
    said = str(page_of(data, "/forecast", "", grouped).content)
    assert said.count(f"'group': {EVIL!r}") == 2
    said = str(page_of(data, "/sample/zeros", "", grouped).content)
    assert "Group: " in said
    assert "(2 samples)" in said
    (link,) = re.findall(r"href='(/forecast\?filter=[^']+)'", said)
    state = table_state(arguments(urlsplit(link).query), SHOWN)
    assert state.filters["group"]["filter"] == EVIL
    assert "Group: " not in str(page_of(data, f"/sample/{quote(EVIL, safe='')}", "", grouped).content)


def test_completions_begin_with_the_text_or_hold_it_the_shortest_first(tmp_path: Path):
    names = ["RASA1", "NRAS", "xRASa", "KRAS", "MRAS", "RAS2", "HRASLS", "T1"]
    made_writer(tmp_path / "store").add_plan(units_of(names, [0]))
    data = StoreData(tmp_path / "store", tmp_path / "cache")
    expected = ["RAS2", "RASA1", "KRAS", "MRAS", "NRAS", "xRASa", "HRASLS"]
    assert data.matching(" ras ") == expected
    assert [data.matching("ras", most) for most in (1, 3)] == [expected[:1], expected[:3]]
    assert [data.matching(text) for text in ("", "zzz")] == [[], []]
