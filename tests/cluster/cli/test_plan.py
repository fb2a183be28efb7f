"""What `knockcast plan` prints: counts that read right, and times that are not 0 where there is work."""

import os
import re
from pathlib import Path

import pytest

from cluster.cli.plan import describe_plan, plan_as_json
from cluster.runs.planning import Costs
from cluster.runs.remaining import dry_run
from cluster.runs.request import prepare_run, request_of
from cluster.text import counted
from tasks.dataset.dataset import Dataset
from tasks.methods.cost import DataSize


def said(dataset: Path, *methods: str, **options: object) -> str:
    return describe_plan(request_of(dataset, None, methods=methods, final=False, workers=1, **options))


def test_one_is_singular() -> None:
    assert [counted(n, "unit") for n in (0, 1, 2)] == ["0 units", "1 unit", "2 units"]


def test_profiles_are_units_of_a_fold_and_take_time(small_dataset: Path) -> None:
    text = said(small_dataset, "profiles")
    assert "fold 0: 1 unit, 0 reused" in text
    assert "1 shard, about" in text
    seconds = [float(found) for found in re.findall(r"about ([0-9.]+) core-seconds", text)]
    assert len(seconds) == 5
    assert all(0.1 <= each <= 3.0 for each in seconds)  # 0.4 were measured
    assert "on 1 worker, starting and compiling left out (good to" in text


@pytest.mark.parametrize(("method", "what"), [("ridge", "1 target"), ("best", "2 units")])
def test_work_on_a_fold_as_a_whole_is_no_target(small_dataset: Path, method: str, what: str) -> None:
    target = Dataset.open(small_dataset).targets[0]
    assert f"{method}, fold 0: {what}, 0 reused" in said(small_dataset, method, targets=target)


def test_it_says_how_good_the_estimate_is(small_dataset: Path) -> None:
    assert "good to a factor of three where most targets have modifiers" in said(small_dataset, "modifiers")
    assert "(good to a factor of three; --calibrate measures it)" in said(small_dataset, "ridge")
    elsewhere = request_of(small_dataset, None, device="cuda", address="192.0.2.1:6379")
    assert "as long as without a GPU" in describe_plan(elsewhere)
    assert "192.0.2.1:6379 was not asked: these workers are this machine's" in describe_plan(elsewhere)
    assert "was not asked" not in said(small_dataset, "ridge")


def test_more_workers_than_this_machine_has_are_said_to_be_one_node(
    small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    sentence = "all 3 workers are taken to be on one node; --node-cores says how many it has"
    few, many = (request_of(small_dataset, None, methods=("ridge",), workers=n) for n in (2, 3))
    assert sentence in describe_plan(many).splitlines()
    assert sentence in plan_as_json(many)["notes"]
    assert "--node-cores" not in describe_plan(few)
    assert "--node-cores" not in describe_plan(many, dry_run(many, node_cores=2))


@pytest.mark.parametrize(
    ("preset", "candidates"), [("published", "published"), ("lasso", ("lasso",)), ("ols,gp", ("ols", "gp"))]
)
def test_costs_know_what_a_preset_names(
    small_dataset: Path, preset: str, candidates: str | tuple[str, ...]
) -> None:
    asked = {"methods": "plain", "targets": "variable", "final": False, "preset": preset}
    prepared = prepare_run(request_of(small_dataset, None, **asked), lambda options: "cpu")
    costs = prepared.costs
    profiled = int((prepared.dataset.own >= 0).sum())
    variable = len({unit.target for unit in prepared.units if not unit.is_fold_level})
    assert costs == Costs(DataSize(120, 150, 0, profiled, variable), prepared.options)
    assert prepared.options.candidates == candidates
    assert costs.of("modifiers").target > 0
