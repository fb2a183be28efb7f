"""New samples: the list with the flagged first, a sample's page, names that are HTML."""

from typing import Any

import pytest

from tests.browser.conftest import Explorer
from tests.browser.stores import EVIL, TARGETS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_the_flagged_sample_stands_first_and_says_why(page: Any, explorer: Explorer):
    page.goto(f"{explorer.base}/forecast")
    page.locator("tbody tr").first.wait_for()
    assert page.locator("tbody th").all_inner_texts() == ["zeros", EVIL, "tumour 1"]
    page.get_by_role("link", name="zeros").click()
    page.get_by_role("heading", name="zeros", exact=True).wait_for()
    assert page.get_by_role("alert").inner_text() == "Flagged: all values are 0."


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
