"""The file of what a fold's targets teach together: of all its training lines, and of each inner fold's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from modeling.borrowing.shared import Shared
from modeling.kernels.kernels import Laplacian
from tasks.artifacts.codec import Codec

BORROWED = Codec("what targets share", newest=1)


@dataclass(frozen=True, eq=False)
class Borrowed:
    """`whole` is of all training lines, `inner` of each inner fold's; `kernel` is the one chosen.

    `targets` names those that taught, in the order of `Shared.loadings`.
    """

    kernel: Laplacian
    targets: tuple[str, ...]
    whole: Shared
    inner: tuple[Shared, ...]


def borrowed_bytes(
    kernel: Laplacian, targets: Sequence[str], whole: Shared, inner: Sequence[Shared]
) -> bytes:
    """The file's bytes, equal for equal input; numbers are rounded to float32, far below their error."""
    arrays: dict[str, np.ndarray] = {}
    for name, shared in _named(whole, inner).items():
        for field in fields(Shared):
            if name == "whole" or field.name != "loadings":
                arrays[f"{name}/{field.name}"] = getattr(shared, field.name).astype(np.float32)
    metadata = {"kernel": kernel.parameters(), "targets": list(targets), "inner": len(inner)}
    return BORROWED.write(arrays, metadata)


def borrowed_of(data: bytes) -> Borrowed:
    """What `borrowed_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, metadata = BORROWED.read(data)
    inner = tuple(_shared(arrays, f"inner{i}") for i in range(metadata["inner"]))
    kernel = Laplacian(**metadata["kernel"])
    return Borrowed(kernel, tuple(metadata["targets"]), _shared(arrays, "whole"), inner)


def _named(whole: Shared, inner: Sequence[Shared]) -> dict[str, Shared]:
    return {"whole": whole} | {f"inner{i}": shared for i, shared in enumerate(inner)}


def _shared(arrays: Mapping[str, np.ndarray], name: str) -> Shared:
    found = {
        field.name: arrays[f"{name}/{field.name}"].astype(np.float64)
        for field in fields(Shared)
        if f"{name}/{field.name}" in arrays
    }
    nothing = np.empty((0, len(found["skill"])))  # inner folds' loadings are not kept: nothing reads them
    return Shared(**{"loadings": nothing} | found)
