"""The rooms of the house: their size, that each says what it is for, and that no two import in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("modeling", "tasks", "cluster")  # imports point from later to earlier
MOST_MODULES = 14  # about a dozen: what a reader takes in at a glance
MOST_CONFETTI = 0.2  # the share of files under 60 lines


def modules(floor: str) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / floor).rglob("*.py"))


def folders() -> list[Path]:
    return sorted({path.parent for floor in FLOORS for path in modules(floor)})


def imported(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, wherever in it; of `from package import x`, x if a module."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            inside = [name for name in named if ROOT.joinpath(*name.split(".")).with_suffix(".py").is_file()]
            yield from inside or [node.module]


def room_of(module: str) -> str:
    """The folder a module lies in; for a module of a floor itself, its own name."""
    parts = module.split(".")
    while len(parts) > 2 and not ROOT.joinpath(*parts).is_dir():
        parts.pop()
    return ".".join(parts)


def imports_between_rooms(floor: str) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for path in modules(floor):
        mine = room_of(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
        others = {room_of(name) for name in imported(path) if name.split(".")[0] == floor}
        graph.setdefault(mine, set()).update(others - {mine, floor})
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Rooms that can be reached from themselves; empty where imports go one way."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = graph.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        return seen

    return sorted(room for room in graph if room in reached(room))


@pytest.mark.parametrize("floor", FLOORS)
def test_rooms_import_each_other_one_way(floor: str) -> None:
    assert circle_in(imports_between_rooms(floor)) == []


@pytest.mark.parametrize("floor", FLOORS)
def test_floors_import_downwards(floor: str) -> None:
    above = FLOORS[FLOORS.index(floor) + 1 :]
    assert {
        (str(path), name) for path in modules(floor) for name in imported(path) if name.split(".")[0] in above
    } == set()


@pytest.mark.parametrize("folder", folders(), ids=str)
def test_no_room_is_crowded(folder: Path) -> None:
    held = [path.name for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]
    assert len(held) <= MOST_MODULES, held


@pytest.mark.parametrize("folder", folders(), ids=str)
def test_every_room_says_what_it_is_for(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8")))


def test_few_files_are_confetti() -> None:
    sizes = [
        len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for floor in FLOORS
        for path in modules(floor)
        if path.name not in ("__init__.py", "__main__.py")
    ]
    assert sum(size < 60 for size in sizes) / len(sizes) < MOST_CONFETTI


def test_a_circle_is_seen() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}}) == []


def test_imports_are_seen_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modeling" / "a").mkdir(parents=True)
    (tmp_path / "modeling" / "a" / "b.py").write_text("x = 1\n")
    (tmp_path / "modeling" / "c.py").write_text("def late():\n    from modeling.a import b\n    import ray\n")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert list(imported(Path("modeling/c.py"))) == ["modeling.a.b", "ray"]
    assert imports_between_rooms("modeling")["modeling.c"] == {"modeling.a"}
