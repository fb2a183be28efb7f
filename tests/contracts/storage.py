"""The executable contract of a storage backend: what a `cluster.store.filesystem.FileSystem` must hold.

A check takes `open_again`, which gives a new instance for one and the same, at first empty, place.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster.errors import StorageError
from cluster.store.filesystem import FileSystem

OpenAgain = Callable[[], FileSystem]


def a_name_is_taken_once(open_again: OpenAgain) -> None:
    assert open_again().create("a/b/c.json", b"first")
    assert not open_again().create("a/b/c.json", b"second")
    fs = open_again()
    assert fs.read("a/b/c.json") == b"first"
    assert (fs.size("a/b/c.json"), fs.exists("a/b/c.json"), fs.exists("a/b")) == (5, True, False)


def of_many_at_once_one_wins(open_again: OpenAgain) -> None:
    """What it wrote is there whole, and the others know that they lost."""
    data = [bytes([65 + i]) * 100_000 for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda one: open_again().create("commits/x.json", one), data))
    assert sum(won) == 1
    assert open_again().read("commits/x.json") == data[won.index(True)]


def listing_is_by_prefix_and_sorted(open_again: OpenAgain) -> None:
    fs = open_again()
    for path in ("data/t/2.x", "data/t/1.x", "data/u/1.x", "run.json"):
        fs.create(path, b"")
    again = open_again()
    assert again.paths("data/t/") == ["data/t/1.x", "data/t/2.x"]
    assert again.paths("data/") == ["data/t/1.x", "data/t/2.x", "data/u/1.x"]
    assert again.paths("data/t/1") == ["data/t/1.x"]
    assert again.paths("nothing/") == []
    assert len(again.paths("")) == 4


def deleting_is_quiet_about_what_is_gone(open_again: OpenAgain) -> None:
    fs = open_again()
    fs.create("a/b", b"x")
    fs.delete("a/b")
    fs.delete("a/b")
    assert not open_again().exists("a/b")
    assert fs.create("a/b", b"again")


def a_missing_file_is_a_storage_error_that_names_it(open_again: OpenAgain) -> None:
    fs = open_again()
    with pytest.raises(StorageError, match="gone"):
        fs.read("gone")
    with pytest.raises(StorageError, match="gone"):
        fs.size("gone")


def paths_cannot_leave_the_place(open_again: OpenAgain) -> None:
    fs = open_again()
    for path in ("../x", "/etc/passwd", "a/../../x", "", "a\\b", "a\\..\\b", "a\0b"):
        with pytest.raises(ValueError, match="not a path inside a store"):
            fs.create(path, b"")


def an_empty_place_says_so(open_again: OpenAgain) -> None:
    assert open_again().is_empty()
    open_again().create("x", b"")
    assert not open_again().is_empty()


STORAGE_CONTRACT = (
    a_name_is_taken_once,
    of_many_at_once_one_wins,
    listing_is_by_prefix_and_sorted,
    deleting_is_quiet_about_what_is_gone,
    a_missing_file_is_a_storage_error_that_names_it,
    paths_cannot_leave_the_place,
    an_empty_place_says_so,
)
