"""The documents name only what exists: modules, functions, rooms, and the files their links lead to."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("modeling", "tasks", "cluster")
ARCHITECTURE = ROOT / "docs" / "architecture.md"
OF_CODE = (ROOT / "README.md", ARCHITECTURE)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md")])

_PACKAGE = "|".join(PACKAGES)
_FILE = re.compile(rf"\b((?:{_PACKAGE}|tests)/[\w/]+\.py)(?::([A-Za-z_]\w*(?:\.\w+)?))?")
_ROOM = re.compile(rf"\b((?:{_PACKAGE})/(?:\w+/)+)(?!\w)")
_DOTTED = re.compile(rf"`((?:{_PACKAGE}|tests)(?:\.\w+)+)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def missing_code(text: str, root: Path = ROOT) -> Iterator[str]:
    """Every `path/module.py`, `path/module.py:name`, `room/` and `room.module` that is not there."""
    for path, name in _FILE.findall(text):
        if not (root / path).is_file():
            yield path
        elif name and name not in names_in(root / path):
            yield f"{path}:{name}"
    yield from (room for room in _ROOM.findall(text) if not (root / room / "__init__.py").is_file())
    for dotted in _DOTTED.findall(text):
        path = root.joinpath(*dotted.split("."))
        if not (path.is_dir() or path.with_suffix(".py").is_file()):
            yield dotted


def names_in(path: Path) -> set[str]:
    """The functions and classes that a module defines, and `Class.method`."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    top = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, kinds)]
    inner = {
        f"{c.name}.{f.name}"
        for c in top
        if isinstance(c, ast.ClassDef)
        for f in c.body
        if isinstance(f, kinds)
    }
    return {node.name for node in top} | inner


def broken_links(page: Path) -> Iterator[str]:
    """Relative links of a page to files that do not exist, or to headings that their page does not have."""
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            yield link


def anchors_of(page: Path) -> set[str]:
    """What GitHub calls a page's headings in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", OF_CODE, ids=lambda page: page.name)
def test_a_page_names_only_code_that_exists(page: Path):
    assert list(missing_code(page.read_text(encoding="utf-8"))) == []


def test_every_room_has_its_line_in_the_architecture():
    inits = [path for package in PACKAGES for path in (ROOT / package).glob("**/__init__.py")]
    rooms = {f"{path.parent.relative_to(ROOT).as_posix()}/" for path in inits} - {f"{p}/" for p in PACKAGES}
    assert rooms - set(_ROOM.findall(ARCHITECTURE.read_text(encoding="utf-8"))) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path):
    assert list(broken_links(page)) == []


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    listed = set(_LINK.findall(index.read_text(encoding="utf-8")))
    assert {page.name for page in index.parent.glob("*.md")} - {"README.md"} - listed == set()


def test_the_checks_see_what_they_look_for(tmp_path: Path):
    room = tmp_path / "tasks" / "room"
    room.mkdir(parents=True)
    (room / "__init__.py").touch()
    (room / "there.py").write_text("class A:\n    def b(self): ...\ndef c(): ...\n")
    there = "tasks/room/there.py:A.b `tasks.room.there` tasks/room/ tasks/room/there.py:c"
    gone = "tasks/room/there.py:d tasks/gone.py tasks/hall/ `tasks.room.gone`"
    found = list(missing_code(f"{there} {gone}", tmp_path))
    assert sorted(found) == ["tasks.room.gone", "tasks/gone.py", "tasks/hall/", "tasks/room/there.py:d"]
    page = tmp_path / "page.md"
    page.write_text("# One: two\n[a](tasks) [b](nowhere.md) [c](#one-two) [d](#three) [e](https://x.org)\n")
    assert list(broken_links(page)) == ["nowhere.md", "#three"]
