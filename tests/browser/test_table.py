"""The gene table: search, sort, filter, columns, saving, and an address that says all of it."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from cluster import Store
from tests.browser.conftest import Explorer, until
from tests.browser.stores import TARGETS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

FIRST = ".ag-pinned-left-cols-container [row-index='0'] a"


@pytest.fixture
def table(page: Any, explorer: Explorer) -> Any:
    """The page, at the gene table."""
    page.goto(explorer.base)
    until(page, f'document.querySelector("{FIRST}").textContent')
    return page


def first_gene(page: Any) -> str:
    return str(page.locator(FIRST).text_content())


def rows(page: Any, count: int) -> None:
    """Wait until the table shows so many."""
    until(page, f"dash_ag_grid.getApi('genes').getDisplayedRowCount() === {count}")
    until(page, f'document.querySelector("{FIRST}").textContent')


def in_address(page: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def genes(explorer: Explorer, method: str) -> pd.DataFrame:
    frame = Store(explorer.store).genes()
    return frame[frame["method"] == method].set_index("target")


def sort_by(page: Any, column: str) -> None:
    page.locator(f".ag-header-cell[col-id='{column}'] .ag-header-cell-label").click()


def test_all_targets_are_there_the_best_predicted_first(table: Any, explorer: Explorer):
    page = table
    rows(page, len(TARGETS))
    method = page.locator(".switch [aria-current]").inner_text()
    assert first_gene(page) == genes(explorer, method)["pearson_pooled"].idxmax()


def ask_for(page: Any, text: str, heading: str) -> None:
    """Enter a text in the search field, and wait for the page of that heading."""
    page.locator("#search").fill(text)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=heading, exact=True).wait_for()


def test_search_completes_and_opens(table: Any):
    page = table
    page.keyboard.press("/")
    page.keyboard.type("ctn")
    until(page, "document.querySelector('#found option')?.value === 'CTNNB1'")
    ask_for(page, "ctnnb1", "CTNNB1")
    assert urlsplit(page.url).path == "/gene/ctnnb1"


def test_part_of_a_name_opens_the_only_gene_that_has_it(table: Any):
    page = table
    ask_for(page, "ctn", "CTNNB1")
    assert urlsplit(page.url).path == "/gene/CTNNB1"


def test_part_of_several_names_lists_them(table: Any):
    page = table
    ask_for(page, "ras", "Unknown gene")
    assert sorted(page.locator(".names a").all_inner_texts()) == ["KRAS", "NRAS"]


def test_filters_say_what_they_take(table: Any, explorer: Explorer):
    page = table
    assert page.locator("input[aria-label='Gene Filter Input']").get_attribute("placeholder") == "has …"
    r = page.locator("input[type='number'][aria-label='r Filter Input']")
    assert r.get_attribute("placeholder") == "≥ …"
    method = page.locator(".switch [aria-current]").inner_text()
    known = genes(explorer, method)["pearson_pooled"]
    r.fill("0.8")
    rows(page, int((known.round(6) >= 0.8).sum()))


def test_the_address_holds_sort_and_filter(table: Any):
    page = table
    sort_by(page, "gain")
    page.locator("input[aria-label='Gene Filter Input']").fill("gene1")
    rows(page, 11)
    until(page, "location.search.includes('filter')")
    before = first_gene(page), in_address(page)
    assert before[1]["sort"] == "gain:asc"
    page.reload()
    rows(page, 11)
    assert (first_gene(page), in_address(page)) == before


def test_finding_in_the_table_is_in_the_address_too(table: Any):
    page = table
    page.locator("#find").fill("KRAS")
    rows(page, 1)
    assert in_address(page)["find"] == "KRAS"
    page.locator("#reset").click()
    rows(page, len(TARGETS))
    assert in_address(page) == {"method": in_address(page)["method"]}


def test_columns_can_be_chosen(table: Any):
    page = table
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("r, low").check()
    until(page, "location.search.includes('pearson_low')")
    page.reload()
    page.get_by_text("r, low", exact=True).first.wait_for(state="attached")
    assert page.evaluate("dash_ag_grid.getApi('genes').getColumn('pearson_low').isVisible()")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_saved_table_is_the_stores(table: Any, explorer: Explorer, tmp_path: Path, kind: str):
    page = table
    page.locator("input[aria-label='Gene Filter Input']").fill("gene")
    count = sum("GENE" in name for name in TARGETS)
    rows(page, count)
    method = page.locator(".switch [aria-current]").inner_text()
    with page.expect_download() as saved:
        page.locator(f"#save-{kind}").click()
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    read = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    expected = genes(explorer, method).loc[read["target"]].reset_index()[list(read.columns)]
    pd.testing.assert_frame_equal(read, expected, check_exact=True, check_dtype=False)
    assert len(read) == count
    assert read["pearson_pooled"].is_monotonic_decreasing
    page.get_by_text(f"{count} rows saved as {method}.genes.{kind}").wait_for()


def test_back_from_a_gene_leads_to_the_same_table(table: Any):
    page = table
    page.locator("input[aria-label='Gene Filter Input']").fill("ras")
    rows(page, 2)
    until(page, "location.search.includes('filter')")
    name = first_gene(page)
    page.locator(FIRST).click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    page.go_back()
    rows(page, 2)
    until(page, f"document.querySelector(\"{FIRST}\").textContent === '{name}'")


def test_another_method_shows_its_own_numbers(table: Any, explorer: Explorer):
    page = table
    page.locator(".switch a").click()
    until(page, "location.search.startsWith('?method=')")
    method = in_address(page)["method"]
    until(page, f"document.querySelector('.switch [aria-current]').textContent === '{method}'")
    best = genes(explorer, method)["pearson_pooled"].idxmax()
    until(page, f'document.querySelector("{FIRST}").textContent === {json.dumps(best)}')


def test_the_keyboard_alone_opens_a_gene(table: Any):
    page = table
    name = first_gene(page)
    page.locator(".ag-pinned-left-cols-container [row-index='0'] [col-id='target']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=name, exact=True).wait_for()
