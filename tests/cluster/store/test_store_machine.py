"""A store in a folder keeps its promises in any order of what writers, readers and accidents do."""

from collections.abc import Iterator

import pytest

from tests.contracts.store_machine import machine_over, new_folder
from tests.promises import Measured

TestStoreInAFolder = machine_over(new_folder, examples=15, steps=12)


@pytest.fixture(autouse=True)
def counted(measured: Measured) -> Iterator[None]:
    yield
    measured(**TestStoreInAFolder.checked)  # type: ignore[attr-defined]
