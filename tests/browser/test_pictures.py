"""The pictures of the docs: the tutorial's store as Chromium shows it.

They are made anew each time and looked at; `make pictures` puts them into docs/pictures.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import PATIENCE, Explorer, ended, started
from tests.browser.test_all_pages import settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

DATA = Path("../shared/data")
TARGETS = "CTNNB1,TCF7L2,ESR1,MDM2,SOX10,MITF,PAX5,EBF1,IRF4"
FILES = {
    "effect": "gene_dependency_level_22q1",
    "expression": "expression",
    "models": "models",
}
WIDTH, SCALE = 1280, 1.5  # sharper than a page usually is, so that small type can be read
PICTURES = {"table": ("/", 800), "gene": ("/gene/CTNNB1?method=kernel", 1300)}  # addresses, heights
COLOURS = 128  # of the file: a third of the bytes, and the eye sees no difference
LEAST_COLOURS = 200  # text, dots and their smooth edges; an empty page has a handful


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """The store of docs/tutorial.md, explored."""
    if not DATA.is_dir():
        pytest.skip(f"the real data is not at {DATA}")
    pytest.importorskip("dash_ag_grid", reason="`make test-browser` installs what this needs")
    folder = tmp_path_factory.mktemp("pictured")
    dataset, store = folder / "real.dataset", folder / "real.store"
    files = [word for name, file in FILES.items() for word in (f"--{name}", str(DATA / f"{file}.parquet"))]
    methods = ["--method", "modifiers", "--method", "kernel", "--workers", "0"]
    for command in (
        ["import", *files, "--out", str(dataset)],
        ["run", str(dataset), "--store", str(store), *methods, "--targets", TARGETS],
    ):
        subprocess.run([sys.executable, "-m", "cluster", *command], check=True, capture_output=True)
    running = started(store, folder / "cache")
    yield running
    ended(running)


@pytest.fixture(scope="module")
def window(chromium: Any, tutorial: Explorer) -> Iterator[Any]:
    """A browser's window on it."""
    size = {"width": WIDTH, "height": 900}
    context = chromium.new_context(viewport=size, device_scale_factor=SCALE, color_scheme="light")
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.goto(tutorial.url)
    page.locator("[col-id='q_value']").first.wait_for()  # q comes with the index
    yield page
    context.close()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_is_there(window: Any, tutorial: Explorer, name: str, tmp_path: Path):
    path, height = PICTURES[name]
    window.goto(tutorial.base + path)
    settled(window, path)
    window.evaluate("window.scrollTo(0, 0)")
    window.set_viewport_size({"width": WIDTH, "height": height})
    if name == "gene":
        window.locator("#predictions .main-svg").first.wait_for()
    made = Path(os.environ.get("KNOCKCAST_PICTURES", tmp_path)) / f"{name}.png"
    window.screenshot(path=made)
    with Image.open(made) as picture:
        assert picture.size == (SCALE * WIDTH, SCALE * height)
        shown = picture.convert("RGB")
    assert len(shown.getcolors(shown.width * shown.height)) >= LEAST_COLOURS
    shown.quantize(COLOURS, dither=Image.Dither.NONE).save(made, optimize=True)
