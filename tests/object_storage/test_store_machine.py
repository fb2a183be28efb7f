"""A store in a bucket keeps its promises in any order of what writers, readers and accidents do."""

import uuid
from collections.abc import Iterator

import pytest

from tests.contracts.store_machine import machine_over
from tests.promises import Measured


@pytest.mark.usefixtures("s3")
class TestStoreInABucket(machine_over(lambda: f"s3://bucket/{uuid.uuid4().hex}", examples=4, steps=10)):  # type: ignore[misc]
    """Few examples: each request is a real one."""


@pytest.fixture(autouse=True)
def counted(measured: Measured) -> Iterator[None]:
    yield
    measured(**TestStoreInABucket.checked)
