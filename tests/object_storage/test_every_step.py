"""SIGKILL before each request by which a run changes a bucket; `tests/chaos/test_every_step.py` in S3."""

import uuid
from pathlib import Path

import pytest

from tests.chaos.every_step import small_run, try_every_step
from tests.promises import Measured
from tests.stores import table_bytes


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_a_writer_killed_at_any_request_harms_nothing(
    s3: str, served: dict[str, str], tmp_path: Path, measured: Measured
) -> None:
    small_run(f"{s3}/undisturbed", tmp_path, more=False)
    whole = table_bytes(f"{s3}/undisturbed")

    def new_place() -> tuple[str, Path]:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        return f"{s3}/{folder.name}", folder

    tried = try_every_step(
        new_place, whole, {**served, "KNOCKCAST_CACHE": str(tmp_path / "cache")}, more=False
    )
    assert tried.faults == []
    assert tried.looks > len(tried.steps)
    made = ("run.json", "plans", "leases", "attempts", "data", "commits", "_SUCCESS")
    assert {f"create {name}: put" for name in made} <= set(tried.steps)
    measured(kills=tried.steps.total(), looks_of_a_reader=tried.looks, faults=len(tried.faults))
