"""Every page: for those who do not see it, on a phone, in light and dark; and who may open any."""

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import MISSING, PATIENCE, Explorer, ended, started, until
from tests.made_stores import made_writer, units_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PAGES = (
    "/",
    "/gene/CTNNB1?with=KRAS",
    "/methods",
    "/enrichment",
    "/validation",
    "/tissues",
    "/forecast",
    "/run",
    "/about",
    "/gene/nope",
)
DRAWN = ".js-plotly-plot .main-svg"
# What takes long is asked for once it is nearly in sight.
SETTLED = (
    "(document.querySelector('main .waiting')?.scrollIntoView(), "
    "document.querySelector('main h1') && !document.querySelector('main .waiting'))"
)


def settled(page: Any, path: str) -> None:
    until(page, SETTLED)
    rows = ".ag-pinned-left-cols-container [row-index='0'] a"
    awaited = {"/": rows, "/forecast": rows, "/methods": DRAWN}
    for selector in (awaited.get(path), DRAWN if "KRAS" in path else None):
        if selector:
            page.locator(selector).first.wait_for()


@pytest.mark.parametrize("path", PAGES)
def test_everyone_can_use_a_page(page: Any, explorer: Explorer, path: str):
    """axe finds nothing serious in light and in dark, and a phone needs no sideways scrolling."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=MISSING)
    page.goto(explorer.base + path)
    settled(page, path)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], [node["html"][:160] for node in v["nodes"][:3]]) for v in serious] == []
    page.set_viewport_size({"width": 390, "height": 800})
    until(page, "document.documentElement.scrollWidth <= 390")


def test_the_theme_can_be_chosen(page: Any, explorer: Explorer):
    page.goto(f"{explorer.base}/about")
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 29)"
    page.reload()
    page.locator("h1").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.evaluate("localStorage.clear()")


def test_the_first_tab_skips_to_the_page(page: Any, explorer: Explorer):
    page.goto(f"{explorer.base}/about")
    page.locator("h1").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"


def answer(url: str, host: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=20) as found:  # noqa: S310 - the same
            return found.status, found.headers["Content-Security-Policy"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/", "/gene/KRAS", "/data/genes/ridge.json", "/_dash-layout", "/assets/app.js", "/?token=x"]
)
def test_without_the_token_nothing_is_told(explorer: Explorer, path: str):
    code, policy = answer(explorer.base + path)
    assert code == 403
    assert "default-src 'none'" in policy


def test_another_name_for_this_machine_is_refused(explorer: Explorer):
    assert answer(explorer.url, "evil.example")[0] == 403


def test_a_store_without_results_says_so(chromium: Any, tmp_path: Path):
    pytest.importorskip("dash_ag_grid", reason=MISSING)
    made_writer(tmp_path / "store").add_plan(units_of(["A"], [0, 1]))
    empty = started(tmp_path / "store", tmp_path / "cache")
    page = chromium.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(empty.url)
    page.get_by_role("heading", name="No gene yet").wait_for()
    page.goto(f"{empty.base}/gene/A")
    page.get_by_text("A is not computed yet.").wait_for()
    page.goto(f"{empty.base}/run")
    page.get_by_text("The run is unfinished: 0 of 2 units committed").wait_for()
    page.close()
    ended(empty)
