"""The explorer on a whole genome, in a real Chromium: 18 000 targets by two methods, 1000 cell lines.

    python -m tests.benchmarks.bench_explore [--targets N --genes N --lines N --work DIR]

The store is invented, its Dataset too. `--work` keeps both, and the index, for the next time. Beside what a
page takes stands a bare bound: pyarrow reading the same target's rows from the store's own files, unchecked.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pyarrow.compute as pc
import pyarrow.dataset as ds

from tests.benchmarks.bench_predict import folder_of
from tests.benchmarks.invented_store import InventedStore
from tests.benchmarks.measure import machine
from tests.browser.conftest import CHROMIUM, until

LIMITS = {"gene": 1.0, "table": 2.0}
TIMES, LINEAGES = 7, 30
PATIENCE = 1800  # seconds that the index may take
FIRST = ".ag-pinned-left-cols-container [row-index='0'] a"
READY = "document.querySelector('#progress').textContent === '' && document.querySelector('main h1')"


def main() -> None:
    """Print the table, or why there is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--targets", type=int, default=18_000)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if CHROMIUM is None:
        print("not measured: no Chromium on this machine (`make test-browser` installs it)")
        return
    print(f"{options.targets} targets x {options.lines} lines, two methods; {machine()}\n")
    with folder_of(options.work) as folder:
        store = made(folder, options)
        with served(store, folder / "cache") as (url, process, opened):
            measured(url, process, opened, store, options.targets)


def made(folder: Path, options: argparse.Namespace) -> Path:
    """The store, if it is not there yet."""
    path = folder / "explored"
    if not path.exists():
        store = InventedStore(path, options.targets, options.lines, options.genes, LINEAGES)
        for method in ("modifiers", "best"):
            store.add(method, final=False)
        store.writer.seal()
    return path


@contextmanager
def served(store: Path, cache: Path) -> Iterator[tuple[str, psutil.Process, float]]:
    """The address of a running explorer, its process, and how long it took to tell the address."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "cluster", "explore", str(store), "--port", "0", "--cache", str(cache)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    opened = time.perf_counter() - begun
    try:
        yield url, psutil.Process(process.pid), opened
    finally:
        process.terminate()
        process.wait()


def measured(url: str, process: psutil.Process, opened: float, store: Path, targets: int) -> None:
    """Print a row for each thing that a user waits for."""
    from playwright.sync_api import sync_playwright

    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}"
    genes = [f"GENE{at * targets // (3 * TIMES)}" for at in range(3 * TIMES)]
    print("| what | median | longest | must |\n|---|---|---|---|")
    row("`explore` tells its address", [opened])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(1000 * PATIENCE)
        begun = time.perf_counter()
        page.goto(url)
        until(page, READY, PATIENCE)
        row("from then on, until the index is there", [time.perf_counter() - begun])
        drawn_gene(page, base, genes[-1])  # the first one loads libraries
        by_address = []
        first = [
            settled(page, lambda g=gene: by_address.append(read_gene(page, base, g)))
            for gene in genes[:TIMES]
        ]
        row("a gene's page by its address, until its answer can be read", by_address, LIMITS["gene"])
        row("the same, until the app is there", first)
        by_search = [
            settled(page, lambda g=gene: searched_gene(page, g)) for gene in genes[TIMES : 2 * TIMES]
        ]
        row("another gene by the search field, likewise", by_search, LIMITS["gene"])
        drawn = [timed(lambda g=gene: drawn_gene(page, base, g)) for gene in genes[2 * TIMES :]]
        row("a gene's page until its first figure is drawn", drawn)
        table = [timed(lambda: opened_table(page, base)) for _ in range(TIMES)]
        row("the table of genes, until rows are there", table, LIMITS["table"])
        browser.close()
    bare = [timed(lambda g=gene: bare_read(store, g)) for gene in genes[:TIMES]]
    row("bare bound: pyarrow reads one gene's rows from the store", bare)
    memory = sum(one.memory_full_info().pss for one in (process, *process.children(recursive=True)))
    print(f"\nThe server holds {memory / 2**30:.2f} GiB.")


def row(what: str, seconds: list[float], limit: float | None = None) -> None:
    """One row of the table."""
    must = f"{limit:.0f} s" if limit else ""
    print(f"| {what} | {statistics.median(seconds):.2f} s | {max(seconds):.2f} s | {must} |", flush=True)


def timed(work: Callable[[], Any]) -> float:
    """The seconds that something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def settled(page: Any, work: Callable[[], Any]) -> float:
    """The same, and only then wait for the page's figures: the next one shall not compete with them."""
    seconds = timed(work)
    page.locator("#predictions .main-svg").first.wait_for()
    until(page, "!document.querySelector('#rest > .waiting')")
    return seconds


def opened_gene(page: Any, base: str, gene: str) -> None:
    """Go to a gene's page by address."""
    page.goto(f"{base}/gene/{gene}", wait_until="commit")
    page.locator("#verdict", has_text=gene).wait_for()


def read_gene(page: Any, base: str, gene: str) -> float:
    """The same, in seconds until the answer can be read, then wait until the app has taken over."""
    begun = time.perf_counter()
    page.goto(f"{base}/gene/{gene}", wait_until="commit")
    page.locator(".verdict", has_text=gene).first.wait_for()
    seconds = time.perf_counter() - begun
    page.locator("#verdict", has_text=gene).wait_for()
    return seconds


def searched_gene(page: Any, gene: str) -> None:
    """Ask for a gene where another one's page is open."""
    page.locator("#search").fill(gene)
    page.keyboard.press("Enter")
    page.locator("#verdict", has_text=gene).wait_for()


def drawn_gene(page: Any, base: str, gene: str) -> None:
    """The same by address, until a figure is there."""
    opened_gene(page, base, gene)
    page.locator("#predictions .main-svg").first.wait_for()


def opened_table(page: Any, base: str) -> None:
    """Go to the table of genes."""
    page.goto(base, wait_until="commit")
    page.locator(FIRST).wait_for()


def bare_read(store: Path, gene: str) -> None:
    """Predictions, scores and modifiers of one gene, from every file."""
    for table in ("predictions", "scores", "modifiers"):
        ds.dataset(store / "data" / table).to_table(filter=pc.field("target") == gene)


if __name__ == "__main__":
    main()
