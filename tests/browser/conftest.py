"""A real Chromium on a real explorer: a small store with nasty names, served as a user would serve it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.stores import explored_store, long_forecast

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 120  # seconds: tests share their machine, and a slow one is no failure
MISSING = "these tests did not run: `make test-browser` installs what they need"


@dataclass
class Explorer:
    """A running explorer: `url` has the token, `base` is the address without."""

    url: str
    store: Path
    process: Any

    @property
    def base(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def started(store: Path, cache: Path, *options: str) -> Explorer:
    """`knockcast explore` on a store, once it has printed its address."""
    command = [sys.executable, "-m", "cluster", "explore", str(store), "--port", "0", "--cache", str(cache)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline().strip() if process.stdout else ""
    assert line.startswith("http://127.0.0.1:"), line
    return Explorer(line, store, process)


def ended(explorer: Explorer) -> None:
    explorer.process.terminate()
    assert explorer.process.wait(PATIENCE) == 0


@pytest.fixture(scope="session")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    pytest.importorskip("dash_ag_grid", reason=MISSING)
    folder = tmp_path_factory.mktemp("explored")
    store = explored_store(folder)
    (folder / "groups.csv").write_text("sample,cohort\ntumour 1,UVM\nzeros,UVM\nelsewhere,ACC\n")
    forecast = ("--forecast", str(long_forecast(folder, store)), "--groups", str(folder / "groups.csv"))
    running = started(store, folder / "cache", *forecast)
    yield running
    ended(running)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason=MISSING)
    if CHROMIUM is None:
        pytest.skip(f"no Chromium on this machine: {MISSING}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Watched:
    """What must not happen on any page."""

    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def watch(self, page: Any) -> None:
        page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"a dialog: {dialog.message}"))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))


def until(page: Any, expression: str, seconds: float = PATIENCE) -> None:
    """Wait until JavaScript says true: Playwright's own way needs `eval`, which our pages forbid."""
    end = time.monotonic() + seconds
    while not page.evaluate(
        f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"
    ):
        assert time.monotonic() < end, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(40)


@pytest.fixture(scope="session")
def session(chromium: Any, explorer: Explorer) -> Iterator[Any]:
    """A browser session that was let in, once everything slow has been computed."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.goto(explorer.url)
    page.get_by_role("heading", name="Genes", exact=True).wait_for()
    until(page, "document.querySelector('#progress').textContent === ''", 2 * PATIENCE)
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(session: Any, explorer: Explorer) -> Iterator[Any]:
    """A page, not gone anywhere yet; after the test: no console error, no dialog, no other host."""
    watched = Watched()
    page = session.new_page()
    watched.watch(page)
    yield page
    page.close()
    assert watched.errors == []
    assert {host for host in watched.hosts if host} <= {urlsplit(explorer.base).netloc}
