"""Every storage backend keeps the contract of one."""

from pathlib import Path

import pytest

from cluster.store.filesystem import open_filesystem
from tests.contracts.storage import STORAGE_CONTRACT


@pytest.mark.parametrize("check", STORAGE_CONTRACT, ids=lambda check: check.__name__)
def test_a_local_folder_keeps_the_contract(check, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    check(lambda: open_filesystem(tmp_path / "store"))
