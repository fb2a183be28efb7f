"""The file of what a fold's targets share: read back, equal bytes for equal content, newer ones refused."""

from dataclasses import fields, replace

import numpy as np
import pytest

from modeling.borrowing.shared import Shared, fit_shared
from modeling.kernels.kernels import Laplacian
from tasks.artifacts.borrowed import BORROWED, borrowed_bytes, borrowed_of
from tasks.artifacts.codec import Codec
from tasks.errors import BadInputError

NAMES = ("A", "B (2)", "é")
KERNEL = Laplacian(0.125, 0.5)


@pytest.fixture(scope="module")
def shared() -> list[Shared]:
    """Of all lines and of two inner folds; the latter of two targets and of none."""
    rng = np.random.default_rng(0)
    effects = rng.standard_normal((24, 3))
    distance = np.abs(rng.standard_normal(24)[:, None] - rng.standard_normal(24))
    kernel = np.exp(-(distance + distance.T) * (1 - np.eye(24)))
    return [
        fit_shared(kernel[:lines, :lines], effects[:lines, :targets])
        for lines, targets in ((24, 3), (16, 2), (12, 0))
    ]


def file_of(shared: list[Shared]) -> bytes:
    return borrowed_bytes(KERNEL, NAMES, shared[0], shared[1:])


def test_what_is_written_is_what_is_read(shared: list[Shared]) -> None:
    """Rounded to float32; the loadings of inner folds are not kept."""
    back = borrowed_of(file_of(shared))
    assert back.kernel == KERNEL
    assert back.targets == NAMES
    assert len(back.inner) == 2
    for before, after in zip(shared, (back.whole, *back.inner), strict=True):
        for field in fields(Shared):
            found, expected = getattr(after, field.name), getattr(before, field.name)
            assert found.dtype == np.float64
            if field.name == "loadings" and after is not back.whole:
                assert found.shape == (0, expected.shape[1])
            else:
                np.testing.assert_array_equal(found, expected.astype(np.float32))
    again = borrowed_bytes(back.kernel, back.targets, back.whole, back.inner)
    assert again == file_of(shared)  # nothing is lost when it is written once more


def test_equal_content_has_equal_bytes_whatever_the_layout_of_memory(shared: list[Shared]) -> None:
    whole = Shared(**{name: np.asfortranarray(values) for name, values in vars(shared[0]).items()})
    assert file_of([whole, *shared[1:]]) == file_of(shared)
    other = replace(shared[1], second=shared[1].second + 1e-3)
    assert file_of([shared[0], other, shared[2]]) != file_of(shared)
    assert borrowed_bytes(KERNEL, NAMES[::-1], shared[0], shared[1:]) != file_of(shared)
    assert borrowed_bytes(Laplacian(0.125, 0.7), NAMES, shared[0], shared[1:]) != file_of(shared)


def test_a_newer_format_and_other_files_are_refused(
    shared: list[Shared], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = Codec(BORROWED.what, newest=BORROWED.newest + 1)
    monkeypatch.setattr("tasks.artifacts.borrowed.BORROWED", newer)
    data = file_of(shared)
    monkeypatch.undo()
    with pytest.raises(BadInputError, match="what targets share of format 2, written by a newer Knockcast"):
        borrowed_of(data)
    with pytest.raises(BadInputError, match="what targets share: the file is of another kind"):
        borrowed_of(b"PK\x03\x04")
