"""Links in the places of files: followed where they lead to a file, else refused in words."""

import os
from pathlib import Path

import pytest

from cluster.errors import StorageError
from cluster.maintenance.maintain import verify
from cluster.store.filesystem import open_filesystem
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.commands import knockcast
from tests.made_stores import made_store
from tests.promises import Measured
from tests.security.small_inputs import FILES, READING, importing, made_inputs, made_run
from tests.stores import table_bytes

pytestmark = pytest.mark.timeout(60)  # a device or a pipe is never read

LEAD_NOWHERE = {
    "to itself": "x.csv",
    "to nothing": "nothing.csv",
    "to a device": "/dev/zero",
    "to a pipe": "pipe",
    "to a folder": ".",
    "through a link to itself": "loop/x.csv",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small release and a store, in the folder where commands run."""
    monkeypatch.chdir(made_inputs(tmp_path))
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    return tmp_path


def linked(place: Path, target: str | Path) -> Path:
    place.unlink(missing_ok=True)
    place.symlink_to(target)
    return place


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_run(tmp_path_factory.mktemp("links"))
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.mark.parametrize("where", LEAD_NOWHERE)
@pytest.mark.parametrize("asked", READING)
def test_a_link_to_no_file_is_refused_as_input(
    made: Path, asked: str, where: str, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    linked(made / "x.csv", LEAD_NOWHERE[where])
    before = sorted(made.iterdir())
    ended = knockcast(*READING[asked]("x.csv"))
    assert ended.returncode == 2, ended.stderr
    assert "x.csv" in ended.stderr
    assert any(words in ended.stderr for words in ("regular file", "no such file", "cannot be read"))
    assert sorted(made.iterdir()) == before
    measured(links_refused=1)


@pytest.mark.parametrize("asked", READING)
def test_a_pipe_is_refused_and_not_waited_for(
    made: Path, asked: str, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    (made / "p.csv").exists() or os.mkfifo("p.csv")
    ended = knockcast(*READING[asked]("p.csv"))
    assert ended.returncode == 2, ended.stderr
    assert "p.csv: is no regular file" in ended.stderr
    measured(pipes_refused=1)


def test_a_link_to_a_file_is_as_good_as_the_file(here: Path) -> None:
    (here / "release").mkdir()
    for name in FILES.values():
        (here / name).rename(here / "release" / name)
        linked(here / name, Path("release") / name)
    assert knockcast(*importing("expression.csv", "expression")).returncode == 0
    Dataset.open(here / "out").verify()
    linked(here / "store-2", "store")
    assert knockcast("predict", "store-2", "expression.csv", "--out", "o.csv").returncode == 0


@pytest.mark.parametrize("target", ["o.csv", "new.csv", "old.csv"])
def test_what_is_written_to_a_link_comes_where_it_leads(here: Path, target: str) -> None:
    """One that leads to itself becomes the file."""
    (here / "old.csv").write_text("old")
    linked(here / "o.csv", target)
    assert knockcast("query", "store", "SELECT 1 AS one", "--out", "o.csv").returncode == 0
    assert (here / "o.csv").read_text().split() == ['"one"', "1"]
    assert (here / "o.csv").is_symlink() == (target != "o.csv")


@pytest.mark.parametrize("target", ["out", "nothing", "release", "/dev/null"])
def test_a_link_is_no_place_for_a_dataset(here: Path, target: str) -> None:
    (here / "release").mkdir()
    linked(here / "out", target)
    ended = knockcast(*importing("expression.csv", "expression"))
    assert ended.returncode == 2, ended.stderr
    assert "--out out" in ended.stderr or "out: exists already" in ended.stderr
    assert (here / "out").is_symlink()
    assert not list((here / "release").iterdir())


@pytest.mark.parametrize("where", LEAD_NOWHERE)
def test_a_link_in_the_place_of_a_datasets_file_is_damage(here: Path, where: str, measured: Measured) -> None:
    assert knockcast(*importing("expression.csv", "expression")).returncode == 0
    os.mkfifo(here / "out" / "pipe")
    for path in sorted((here / "out").glob("*.*")):
        kept = path.read_bytes()
        linked(path, path.name if where == "to itself" else LEAD_NOWHERE[where])
        with pytest.raises(BadInputError, match=path.name):
            Dataset.open(here / "out").verify()
        path.unlink()
        path.write_bytes(kept)
        measured(links_found=1)
    Dataset.open(here / "out").verify()


@pytest.mark.parametrize("where", LEAD_NOWHERE)
def test_a_link_in_the_place_of_a_stores_file_is_damage(
    tmp_path: Path, where: str, measured: Measured
) -> None:
    store = tmp_path / "store"
    made_store(store)
    files = sorted(file for file in store.rglob("*") if file.is_file())
    if where in ("to nothing", "through a link to itself"):
        files.remove(store / "_SUCCESS")  # a store without it is not finished, which is no damage
    for path in files:
        kept, place = path.read_bytes(), LEAD_NOWHERE[where]
        os.mkfifo(pipe := path.parent / "pipe")
        linked(path, path.name if where == "to itself" else place)
        try:
            assert not verify(open_filesystem(store)).ok, path
        except (StorageError, BadInputError) as error:
            assert path.name in str(error) or "not a store" in str(error)  # noqa: PT017 - either will do
        path.unlink()
        pipe.unlink()
        path.write_bytes(kept)
        measured(links_found=1)
    assert verify(open_filesystem(store)).ok


def test_a_store_whose_files_are_links_to_the_same_bytes_is_whole(tmp_path: Path) -> None:
    made_store(tmp_path / "store")
    before = table_bytes(tmp_path / "store")
    for number, path in enumerate(sorted(f for f in (tmp_path / "store").rglob("*") if f.is_file())):
        path.rename(tmp_path / f"{number}")
        path.symlink_to(tmp_path / f"{number}")
    assert verify(open_filesystem(tmp_path / "store")).ok
    assert table_bytes(tmp_path / "store") == before
