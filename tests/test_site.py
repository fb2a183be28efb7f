"""The documentation builds as a site, without a warning and without asking another host for anything."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[1]
LOADED = re.compile(r'<(?:script|img|iframe|source)[^>]*\ssrc="([^"]*)"|<link[^>]*\shref="([^"]*)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make docs` builds it."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-c", "docs/site", ".", str(out)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.timeout(300)
def test_every_page_of_the_index_is_there(site: Path):
    index = (site / "docs" / "README.html").read_text(encoding="utf-8")
    pages = {page.stem for page in ROOT.glob("docs/*.md")} - {"README", "results-notes"}
    assert pages - {Path(link).stem for link in re.findall(r'href="([^"#]+)"', index)} == set()
    assert "docs/README.html" in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.timeout(300)
def test_no_page_loads_anything_from_elsewhere(site: Path):
    pages = sorted(site.glob("**/*.html"))
    loaded = {link for page in pages for pair in LOADED.findall(page.read_text("utf-8")) for link in pair}
    assert len(pages) > 15
    assert {link for link in loaded if re.match(r"(?:https?:)?//", link)} == set()


@pytest.mark.timeout(300)
def test_the_python_page_describes_what_users_call(site: Path):
    page = (site / "docs" / "api.html").read_text(encoding="utf-8")
    assert {"cluster.Store.genes", "cluster.Store.predict", "cluster.run"} <= set(
        re.findall(r'id="([^"]+)"', page)
    )
