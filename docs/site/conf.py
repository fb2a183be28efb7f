"""The documentation as a site: `make docs`. Its pages are the Markdown files that GitHub shows, unchanged."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))  # autodoc reads the docstrings of this tree, whatever is installed

project = "Knockcast"
author = "The Knockcast developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/README"
include_patterns = ["*.md", "deploy/README.md", "docs/*.md"]
exclude_patterns = ["docs/results-notes.md"]  # results.md has it whole

# Links are GitHub's: to files, and to headings by their text. Those that leave the site (to folders and
# sources) are followed by tests/test_docs.py.
myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = "Knockcast"
html_additional_pages = {"index": "start.html"}  # so that the folder opens
templates_path = ["templates"]


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", add_navigation)


def add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """The index gets the tree of pages, which GitHub would show as raw text."""
    if page == app.config.root_doc:
        source[0] += "\n" + (HERE / "navigation.md").read_text(encoding="utf-8")
