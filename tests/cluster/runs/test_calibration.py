"""`plan --calibrate`: what it makes of measured costs, and what becomes of them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster import run
from cluster.answers.cost import Took, took, why_more
from cluster.cli import plan
from cluster.cli.plan import describe_plan, plan_as_json
from cluster.maintenance.maintain import verify
from cluster.ray_engine.every_slot import ThisProcess
from cluster.runs import calibration
from cluster.runs.calibration import averaged, calibrated, compared
from cluster.runs.cut import Cut
from cluster.runs.estimates import Estimate, keep_estimate, known_factors, latest_estimate
from cluster.runs.planning import Costs
from cluster.runs.remaining import dry_run
from cluster.runs.request import prepare_run, request_of
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import Unit, fold_level_unit
from tasks.methods.cost import Cost, Factors
from tests.commands import knockcast

OPTIONS: dict[str, Any] = {"methods": ("ridge",), "targets": "variable", "folds": 2, "workers": 0}


class Slots:
    """Slots that are known to take so many times as long as estimated."""

    def __init__(self, *slower: float) -> None:
        self._slower = slower

    def results(self, work: Callable[[Sequence[Cut], int], Any], given: Sequence[Cut]) -> list[Any]:
        del work
        return [[Factors(each, each, each).applied(cut.estimated) for cut in given] for each in self._slower]


def test_a_slower_machine_takes_longer_by_its_factor(small_dataset: Path) -> None:
    prepared = prepare_run(request_of(small_dataset, None, methods=("best", "kernel")), lambda o: "cpu")
    found = calibrated(prepared, Slots(20.0, 40.0), seconds=1000.0)
    assert found.keys() == {"best", "kernel"}
    for factors in found.values():
        assert factors.target == pytest.approx(30.0)
    as_said, measured = Costs(prepared.costs.size, prepared.options), prepared.costs
    measured = Costs(measured.size, prepared.options, found)
    assert measured.of("best").target == pytest.approx(30 * as_said.of("best").target)
    assert measured.of("best").fold_bytes == as_said.of("best").fold_bytes


def test_a_piece_too_short_to_time_has_the_factor_of_all() -> None:
    estimated = Cost(target=0.01, preparation=0.001, fold_work={"fit": 2.0})
    measured = Cost(target=0.03, preparation=0.05, fold_work={"fit": 4.0})
    factors = compared(measured, estimated)
    assert factors.target == pytest.approx(3.0)
    assert factors.fold_work == pytest.approx(2.0)
    assert factors.preparation == pytest.approx((0.03 + 0.05 + 4.0) / (0.01 + 0.001 + 2.0))
    assert compared(Cost(), Cost()) == Factors()
    assert averaged([Factors(1, 2, 3), Factors(3, 2, 1)]) == Factors(2, 2, 2)


def test_it_measures_for_real(small_dataset: Path) -> None:
    prepared = prepare_run(request_of(small_dataset, None, methods=("ridge", "plain")), lambda o: "cpu")
    found = calibrated(prepared, ThisProcess(), seconds=2.0)
    assert found.keys() == {"ridge", "plain"}
    assert all(0.01 < each.target < 1000 for each in found.values())


def test_a_store_keeps_the_last_word_once(small_dataset: Path, tmp_path: Path) -> None:
    prepared = prepare_run(request_of(small_dataset, None, **OPTIONS), lambda options: "cpu")
    fs = open_filesystem(tmp_path)
    assert latest_estimate(fs) is None
    assert known_factors(fs) == {}
    slow = Estimate.of(Costs(prepared.costs.size, prepared.options, {"ridge": Factors(2, 2, 2)}), ["ridge"])
    for _ in range(2):
        keep_estimate(fs, "a" * 64, slow)
    assert len(fs.paths("estimates/")) == 1
    assert latest_estimate(fs) == slow
    other = Estimate.of(prepared.costs, ["best"])
    keep_estimate(fs, "a" * 64, other)
    last = latest_estimate(fs)
    assert last is not None
    assert last.factors == slow.factors
    assert last.seconds == {**slow.seconds, **other.seconds}
    (tmp_path / "estimates" / "2.json").write_text("damaged")
    assert latest_estimate(fs) == slow  # advice keeps nobody from work
    keep_estimate(fs, "a" * 64, other)
    assert latest_estimate(fs) == last


def test_an_estimate_of_units_is_the_sum_of_their_pieces(small_dataset: Path) -> None:
    prepared = prepare_run(request_of(small_dataset, None, methods=("best",)), lambda options: "cpu")
    estimate = Estimate.of(prepared.costs, ["best"])
    units = [fold_level_unit("best", 0), Unit("best", "A", 0), Unit("best", "B", -1), Unit("other", "A", 0)]
    usual, final = prepared.costs.of("best"), prepared.costs.of("best", -1)
    expected = usual.fold_work["fit"] + usual.target + final.target
    assert estimate.of_units(units) == {"best": pytest.approx(expected)}


@pytest.mark.long
def test_what_was_measured_changes_shards_and_no_result(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "SECONDS", 1.0)
    plain, slow = tmp_path / "plain", tmp_path / "slow"
    run(small_dataset, plain, **OPTIONS)
    prepared = prepare_run(request_of(small_dataset, None, **OPTIONS), lambda options: "cpu")
    dry_run(request_of(small_dataset, slow, **OPTIONS), calibrate=True)
    fs = open_filesystem(slow)
    costs = Costs(prepared.costs.size, prepared.options, {"ridge": Factors(1e6, 1e6, 1e6)})
    keep_estimate(fs, prepared.digest, Estimate.of(costs, ["ridge"]))
    run(small_dataset, slow, **OPTIONS)
    one, other = StoreReader.open(plain), StoreReader.open(slow)
    assert len(other.commits()) > len(one.commits())  # a target a shard
    for table in ("scores", "predictions", "models"):
        kept = [name for name in one.table(table).column_names if name != "seconds"]
        assert one.table(table, kept).equals(other.table(table, kept)), table
    assert verify(open_filesystem(slow)).problems == ()
    assert latest_estimate(open_filesystem(plain)) is not None


def test_a_flipped_bit_in_an_estimate_is_found(small_dataset: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(small_dataset, store, **OPTIONS)
    (path,) = (store / "estimates").iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert [problem.path for problem in verify(open_filesystem(store)).problems] == ["estimates/1.json"]


def test_the_command_measures_keeps_and_prices(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "SECONDS", 1.0)
    store = str(tmp_path / "store")
    asked = ["plan", str(small_dataset), "--method", "ridge", "--workers", "0", "--store", store]
    made = json.loads(knockcast(*asked, "--calibrate", "--format", "json", "--price", "3600").stdout)
    assert made["measured"].keys() == {"ridge"}
    assert made["price"] == pytest.approx(made["seconds"])
    assert made["nodes"] == 1
    again = json.loads(knockcast(*asked, "--format", "json").stdout)
    assert again["measured"] == made["measured"]
    assert again["price"] is None
    request = request_of(small_dataset, store, methods=("ridge",), workers=0)
    assert "(measured; for so short a run a guess)" in describe_plan(request)
    monkeypatch.setattr(plan, "SHORT_SECONDS", 0)
    assert "(measured; good to a factor of 1.5)" in describe_plan(request)


def test_nodes_are_the_slots_by_the_cores_of_one(small_dataset: Path) -> None:
    request = request_of(small_dataset, None, methods=("ridge",), workers=40)
    made = plan_as_json(request, dry_run(request, node_cores=16))
    assert (made["slots"], made["nodes"]) == (40, 3)
    one = plan_as_json(request, dry_run(request))
    assert one["nodes"] == 1
    assert one["memory_bytes"] > made["memory_bytes"]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--price", "-1"],
        ["--node-cores", "0"],
        ["--format", "xml"],
        ["--price", "nan"],
        ["--price", "-1", "--node-cores", "0", "--method", "nope"],
    ],
)
def test_wrong_options_are_refused_and_nothing_is_written(
    small_dataset: Path, tmp_path: Path, wrong: list[str]
) -> None:
    store = tmp_path / "store"
    done = knockcast("plan", str(small_dataset), "--calibrate", "--store", str(store), *wrong)
    assert done.returncode == 2
    assert all(option in done.stderr for option in wrong[::2])
    assert not store.exists()


def test_status_puts_what_it_took_beside_the_estimate(small_dataset: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(small_dataset, store, **OPTIONS)
    (each,) = took(StoreReader.open(store))
    commits = StoreReader.open(store).commits()
    assert each.seconds == pytest.approx(sum(commit.seconds or 0.0 for commit in commits))
    prepared = prepare_run(request_of(small_dataset, None, **OPTIONS), lambda options: "cpu")
    expected = Estimate.of(prepared.costs, ["ridge"]).of_units(prepared.units)["ridge"]
    assert each.estimated == pytest.approx(expected)
    assert f"took: ridge {each.seconds:.3g} core-seconds (estimated {expected:.3g})" in (
        knockcast("status", store).stdout
    )
    assert why_more([Took("ridge", 2.9, 1.0), Took("best", 9.0, None)]) == ""
    assert "a node's first run also compiles" in why_more([Took("ridge", 3.1, 1.0)])
    for path in (store / "estimates").iterdir():
        path.unlink()
    assert took(StoreReader.open(store))[0].estimated is None
