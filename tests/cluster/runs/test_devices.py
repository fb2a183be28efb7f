"""`--device`: what it comes to, and that nothing is written where it cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cluster import run
from cluster.cli.plan import describe_plan
from cluster.errors import RefusedError
from cluster.execution.run import resume_store
from cluster.runs.devices import device_for, device_here, sees_gpu
from cluster.runs.fields import RunOptions
from cluster.runs.methods import settings_of
from cluster.runs.request import request_of
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.writer import StoreWriter
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.chaos.clusters import two_nodes

ONE = {"methods": ("modifiers",), "workers": 0}
HERE = "cuda" if torch.cuda.is_available() else "cpu"
without_gpu = pytest.mark.skipif(
    HERE == "cuda", reason="this machine has a GPU: what is without one did not run"
)


def names(dataset: Path, number: int) -> str:
    return ",".join(Dataset.open(dataset).targets[:number])


def test_auto_is_what_this_machine_has() -> None:
    assert sees_gpu() == torch.cuda.is_available()
    assert [device_here(wanted) for wanted in ("auto", "cpu", "cuda")] == [HERE, "cpu", "cuda"]
    assert device_for(RunOptions(device="auto")) == HERE
    assert device_for(RunOptions(device="cpu", address="192.0.2.1:6379")) == "cpu"  # nobody is asked


def test_only_methods_that_use_a_device_are_told_of_it() -> None:
    options = RunOptions(device="cuda")
    assert [settings_of(options, m).device for m in ("modifiers", "ridge", "kernel")] == [
        "cuda",
        "cpu",
        "cpu",
    ]
    assert settings_of(RunOptions(), "modifiers").device == "cpu"  # auto, before it is settled


@without_gpu
@pytest.mark.parametrize("where", [{"workers": 0}, {"workers": 1}, {"workers": 0, "address": "auto"}])
def test_a_gpu_that_is_not_there_is_refused_and_nothing_is_written(
    small_dataset: Path, tmp_path: Path, where: dict[str, object]
) -> None:
    with pytest.raises(
        BadInputError, match=r"--device cuda: torch .* sees no GPU on this machine.*--device cpu"
    ):
        run(small_dataset, tmp_path / "s", device="cuda", **where)
    assert not (tmp_path / "s").exists()


def test_a_plan_may_be_made_for_a_cluster_that_nobody_asks(small_dataset: Path) -> None:
    elsewhere = request_of(small_dataset, None, device="cuda", address="192.0.2.1:6379")
    assert "shards" in describe_plan(elsewhere)


@without_gpu
@pytest.mark.parametrize("where", [{}, {"workers": 0, "address": "auto"}])
def test_a_plan_refuses_what_a_run_would(small_dataset: Path, where: dict[str, object]) -> None:
    with pytest.raises(BadInputError, match=r"--device cuda: torch .* sees no GPU on this machine"):
        describe_plan(request_of(small_dataset, None, device="cuda", **where))


def test_the_device_is_part_of_what_a_run_is(small_dataset: Path, tmp_path: Path) -> None:
    run(small_dataset, tmp_path / "s", device="cpu", **ONE, targets=names(small_dataset, 1))
    assert StoreReader.open(tmp_path / "s").run["device"] == "cpu"
    plan = request_of(small_dataset, tmp_path / "s", device="cuda", address="192.0.2.1:6379")
    with pytest.raises(BadInputError, match='device: "cpu" here, "cuda" asked'):
        describe_plan(plan)


@without_gpu
def test_a_run_on_a_gpu_is_not_resumed_without_one(small_dataset: Path, tmp_path: Path) -> None:
    run(small_dataset, tmp_path / "s", **ONE, targets=names(small_dataset, 1))
    body = dict(StoreReader.open(tmp_path / "s").run) | {"device": "cuda"}
    moved = StoreWriter(open_filesystem(tmp_path / "moved"))
    moved.open_run({k: v for k, v in body.items() if k != "sha256"})
    moved.add_plan(sorted(StoreReader.open(tmp_path / "s").wanted_units()), dataset=str(small_dataset))
    with pytest.raises(BadInputError, match=r"moved: its run uses device cuda: torch .* sees no GPU"):
        resume_store(str(tmp_path / "moved"), workers=0)


@pytest.mark.long
def test_a_quick_run_on_the_cpu_does_not_wait_for_torch(small_dataset: Path, tmp_path: Path) -> None:
    asked = "auto" if HERE == "cpu" else "cpu"
    options = f"methods='modifiers', workers=0, device={asked!r}, targets={names(small_dataset, 3)!r}"
    code = (
        "import sys\n"
        "from cluster import run\n"
        f"run({str(small_dataset)!r}, {str(tmp_path / 's')!r}, {options})\n"
        "assert 'torch' not in sys.modules and 'ray' not in sys.modules\n"
    )
    root = str(Path(__file__).parents[3])
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": root})
    assert StoreReader.open(tmp_path / "s").run["device"] == "cpu"


@pytest.mark.ray
def test_a_cluster_without_a_gpu_is_refused_before_anything_is_written(
    small_dataset: Path, tmp_path: Path
) -> None:
    with two_nodes() as (nodes, _):
        with pytest.raises(
            BadInputError, match=f"no node of the cluster at --address {nodes.address} has a GPU"
        ):
            run(small_dataset, tmp_path / "s", device="cuda", address=nodes.address)
        assert not (tmp_path / "s").exists()


@pytest.mark.ray
@without_gpu
def test_a_node_whose_torch_sees_no_gpu_stops_the_run_and_blames_no_target(
    small_dataset: Path, tmp_path: Path
) -> None:
    with (
        two_nodes(num_gpus=1) as (nodes, _),
        pytest.raises(RefusedError, match=r"sees no GPU on .*where a task"),
    ):
        run(
            small_dataset,
            tmp_path / "s",
            methods="modifiers",
            device="cuda",
            address=nodes.address,
            targets=names(small_dataset, 4),
        )
    reader = StoreReader.open(tmp_path / "s")
    assert reader.run["device"] == "cuda"
    assert not reader.commits()
    assert not reader.failures()
    assert not reader.quarantined()
