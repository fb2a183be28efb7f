"""A gene's page: deep links, unknown names, HTML in names, the other gene, files."""

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

from cluster import Store
from tasks.analyses.answer.wording import sentences
from tests.browser.conftest import Explorer, until
from tests.browser.stores import EVIL, LINEAGES
from tests.promises import Measured

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

DRAWN = ".js-plotly-plot .main-svg"


def opened(page: Any, explorer: Explorer, path: str, heading: str) -> None:
    page.goto(explorer.base + path)
    page.locator("#early").wait_for(state="detached")
    page.get_by_role("heading", name=heading, exact=True, level=1).wait_for()


@pytest.mark.parametrize("name", ["CTNNB1", EVIL, 'quo"te', "a/b", "none1", "flat1"])
def test_a_deep_link_opens(page: Any, explorer: Explorer, name: str):
    opened(page, explorer, f"/gene/{quote(name, safe='')}", name)
    page.get_by_role("heading", name="Folds").wait_for()
    assert page.title() == f"{name} · Knockcast"


def test_a_gene_is_found_in_any_case(page: Any, explorer: Explorer):
    opened(page, explorer, "/gene/fam50a?method=ridge", "FAM50A")
    assert page.locator(".switch [aria-current]").first.inner_text() == "ridge"


def test_an_unknown_gene_gets_suggestions(page: Any, explorer: Explorer):
    opened(page, explorer, f"/gene/{quote('CTNB1')}", "Unknown gene")
    page.get_by_text("CTNB1 is no target of this store.").wait_for()
    page.get_by_role("link", name="CTNNB1").click()
    page.get_by_role("heading", name="CTNNB1", exact=True).wait_for()


def test_a_page_that_is_not_there_says_so(page: Any, explorer: Explorer):
    opened(page, explorer, "/nowhere", "No such page")


def test_figures_show_lineages_and_one_can_stand_out(page: Any, explorer: Explorer, measured: Measured):
    opened(page, explorer, "/gene/CTNNB1", "CTNNB1")
    page.locator(DRAWN).first.wait_for()
    for name in LINEAGES:
        page.locator("#lineages th a", has_text=name).wait_for()
    page.locator("#lineages th a", has_text=EVIL).click()
    page.get_by_text(f"{EVIL} stands out.").wait_for()
    legend = page.locator("#predictions .legendtext").all_text_contents()
    assert any("script" in text for text in legend)
    measured(pages_with_names_as_markup=1)


def test_lineage_numbers_are_the_predictions(page: Any, explorer: Explorer):
    opened(page, explorer, "/gene/KRAS?method=ridge", "KRAS")
    page.locator("#lineages tbody tr").first.wait_for()
    frame = Store(explorer.store).predictions("KRAS")
    frame = frame[frame["method"] == "ridge"].sort_values(["fold", "cell_line"], ignore_index=True)
    breast = frame[[at % len(LINEAGES) == 0 for at in range(len(frame))]]
    cells = page.locator("#lineages tbody tr", has_text="Breast").locator("td").all_inner_texts()
    assert cells[0] == str(len(breast))
    score = next(
        x
        for x in Store(explorer.store).gene("KRAS", "ridge").verdict.evidence.lineages
        if x.lineage == "Breast"
    )
    assert cells[2].replace("−", "-") == f"{breast['measured'].mean():.2f}"
    assert cells[3].replace("−", "-") == f"{score.pearson:.2f}"


@pytest.mark.parametrize("name", ["KRAS", EVIL, "none1"])
def test_the_answer_is_in_the_page_before_any_script_ran(session: Any, explorer: Explorer, name: str):
    sent = session.request.get(f"{explorer.base}/gene/{quote(name, safe='')}?method=ridge").text()
    early = sent.split('<div id="early">')[1].split('<div id="react-entry-point">')[0]
    assert "<script" not in early
    said = [html.unescape(text) for text in re.findall(r"<p>(.*?)</p>", early)]
    assert tuple(said) == sentences(Store(explorer.store).gene(name, "ridge").verdict)


@pytest.mark.parametrize("path", ["/", "/methods", "/gene/CTNB1"])
def test_other_pages_wait_for_the_app(session: Any, explorer: Explorer, path: str):
    assert 'id="early"' not in session.request.get(explorer.base + path).text()


@pytest.mark.parametrize("name", ["KRAS", EVIL, "none1", "flat1"])
def test_the_answer_is_that_of_the_command(page: Any, explorer: Explorer, name: str):
    opened(page, explorer, f"/gene/{quote(name, safe='')}", name)
    said = page.locator("#verdict p").all_text_contents()
    assert tuple(said) == sentences(Store(explorer.store).gene(name).verdict)


def test_the_method_switch_keeps_the_gene(page: Any, explorer: Explorer):
    opened(page, explorer, "/gene/KRAS?method=ridge", "KRAS")
    page.locator(".switch a", has_text="modifiers").click()
    page.get_by_role("heading", name="Modifiers").wait_for()
    assert page.url.endswith("/gene/KRAS?method=modifiers")
    assert page.get_by_role("link", name="M1").count() <= 1  # M1 is a target too, the other modifiers are not


def test_two_genes_side_by_side(page: Any, explorer: Explorer):
    opened(page, explorer, "/gene/KRAS?method=ridge", "KRAS")
    page.locator("#beside").fill("nras")
    page.locator("#beside").press("Enter")
    until(page, "location.search.includes('with=nras')")
    measured = {
        name: Store(explorer.store)
        .predictions(name)
        .query("method == 'ridge'")
        .set_index("cell_line")["measured"]
        for name in ("KRAS", "NRAS")
    }
    r = f"{measured['KRAS'].corr(measured['NRAS']):.2f}".replace("-", "−")
    page.get_by_text(f"r is {r} between the measured effects").wait_for()


def test_a_genes_predictions_are_saved_as_stored(page: Any, explorer: Explorer, tmp_path: Path):
    opened(page, explorer, f"/gene/{quote(EVIL, safe='')}", EVIL)
    with page.expect_download() as saved:
        page.locator("#predictions .files a", has_text="Parquet").click()
    saved.value.save_as(tmp_path / "predictions.parquet")
    expected = Store(explorer.store).predictions(EVIL)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "predictions.parquet"), expected)


def test_no_column_of_the_lineages_is_cut_off(page: Any, explorer: Explorer):
    opened(page, explorer, "/gene/KRAS?method=ridge", "KRAS")
    page.locator("#lineages .scroll").wait_for()
    page.set_viewport_size({"width": 900, "height": 900})  # names here are short: a real store's need 1280
    part = "document.querySelector('#lineages .scroll')"
    until(page, f"{part}.scrollWidth === {part}.clientWidth", 10)


def test_the_explanation_comes_without_scrolling_and_its_digits_can_be_read(page: Any, explorer: Explorer):
    opened(page, explorer, "/gene/KRAS?method=modifiers", "KRAS")
    label = ".heatmap-label text"
    until(page, f"document.querySelector('{label}')")
    assert page.evaluate("window.scrollY") == 0
    colours = page.evaluate(
        f"[...document.querySelectorAll('{label}')].map((text) => getComputedStyle(text).fill)"
    )
    assert "rgb(255, 255, 255)" in colours  # on the darkest cells, of rank 1
    assert len(set(colours)) > 1
