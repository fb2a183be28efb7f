"""New samples: the list with the flagged first, a sample's page, names that are HTML."""

from typing import Any

import pytest

from tests.browser.conftest import Explorer, until
from tests.browser.stores import EVIL, TARGETS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


LINKS = ".ag-pinned-left-cols-container a"
CUT = "[...document.querySelectorAll('.scroll')].filter((part) => part.scrollWidth > part.clientWidth)"


@pytest.fixture
def samples(page: Any, explorer: Explorer) -> Any:
    """The page, at the list of samples."""
    page.goto(f"{explorer.base}/forecast")
    shown(page, 3)
    return page


def shown(page: Any, count: int) -> None:
    """Wait until the list shows so many."""
    until(page, f"document.querySelectorAll('{LINKS}').length === {count}")


def test_the_flagged_sample_stands_first_and_says_why(samples: Any):
    page = samples
    order = page.evaluate(
        "(() => { const names = []; dash_ag_grid.getApi('samples').forEachNodeAfterFilterAndSort("
        "(node) => names.push(node.data.sample)); return names; })()"
    )
    assert order == ["zeros", EVIL, "tumour 1"]
    page.get_by_role("link", name="zeros").click()
    page.get_by_role("heading", name="zeros", exact=True).wait_for()
    said = page.get_by_role("alert").inner_text()
    assert said.startswith("Flagged: all values are 0. So the predictions below are guesses: ")


def test_samples_are_found_filtered_and_sorted_and_the_address_says_so(samples: Any):
    page = samples
    page.locator("input[aria-label='Nearest lineage Filter Input']").fill("lung")
    shown(page, 1)
    assert page.locator(LINKS).inner_text() == "tumour 1"
    until(page, "location.search.includes('filter')")
    page.reload()
    shown(page, 1)
    page.goto(page.url.partition("?")[0])
    shown(page, 3)
    page.locator("#find").fill("all values")  # the reason is found too
    shown(page, 1)
    assert page.locator(LINKS).inner_text() == "zeros"
    until(page, "location.search === '?find=all+values'")
    page.locator("#find").fill("")
    page.locator(".ag-header-cell[col-id='nearest_r'] .ag-header-cell-label").click()
    until(page, "location.search === '?sort=nearest_r%3Aasc'")


def test_a_samples_group_leads_to_the_others_of_it(page: Any, explorer: Explorer):
    page.goto(f"{explorer.base}/sample/zeros")
    page.get_by_role("link", name="UVM").click()
    shown(page, 2)
    assert page.locator(LINKS).all_inner_texts() == ["zeros", "tumour 1"]
    page.goto(f"{explorer.base}/forecast")
    shown(page, 3)
    page.locator("input[aria-label='Group Filter Input']").fill("uv")
    shown(page, 2)


def test_the_list_fits_a_phone(samples: Any):
    page = samples
    page.set_viewport_size({"width": 390, "height": 800})
    page.reload()
    shown(page, 3)
    until(page, "dash_ag_grid.getApi('samples').getAllDisplayedColumns().length === 3")
    assert page.evaluate("document.documentElement.scrollHeight") < 1600
    page.set_viewport_size({"width": 1280, "height": 900})


def test_no_column_of_a_sample_is_cut_off(page: Any, explorer: Explorer):
    page.goto(f"{explorer.base}/sample/zeros")
    page.get_by_role("heading", name="zeros", exact=True).wait_for()
    page.get_by_role("columnheader", name="Trust").first.wait_for()
    assert page.evaluate(f"{CUT}.length") == 0


def test_a_samples_strongest_dependency_stands_first(page: Any, explorer: Explorer):
    page.goto(f"{explorer.base}/forecast")
    page.get_by_role("link", name=EVIL).click()
    page.get_by_role("heading", name=EVIL, exact=True).wait_for()
    table = page.get_by_role("region", name=f"Dependencies of {EVIL}")
    cells = table.locator("tbody td:nth-child(2)").all_inner_texts()
    values = [float(text.replace("−", "-")) for text in cells]
    assert values == sorted(values)
    assert len(values) == min(60, len(TARGETS))
    first = table.locator("tbody th a").first
    name = first.inner_text()
    first.click()
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()
