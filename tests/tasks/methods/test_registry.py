"""What a fold's preparation took is in every target's `seconds`, whatever method it is of."""

import time
from dataclasses import replace

import numpy as np
import pytest

from modeling.folds import make_folds
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel, share_of
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import run_shard
from tests.costs import prepared_from_data

PREPARED_FROM_DATA = prepared_from_data()


@pytest.fixture(scope="module")
def panel() -> Panel:
    """60 lines, 12 genes, 6 targets: one follows a gene, one misses lines, one is constant; four vary."""
    rng = np.random.default_rng(1)
    expression = rng.gamma(2.0, 1.5, (60, 12))
    effect = rng.standard_normal((60, 6))
    effect[:, 0] = expression[:, 0] + 0.1 * effect[:, 0]
    effect[:7, 1] = np.nan
    effect[:, 5] = 0.7
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(60)),
        genes=tuple(f"G{i}" for i in range(12)),
        targets=tuple(f"T{i}" for i in range(6)),
        expression=expression.astype(np.float32),
        effect=effect.astype(np.float32),
        own=np.arange(6),
        lineages=np.zeros(60, dtype=np.int64),
        variable=np.arange(4),
    )


def settings(method: str, stratified: int | None = None) -> MethodSettings:
    return MethodSettings(method, ("ols",), SelectionSettings(), 0, stratified=stratified)


def test_what_a_fold_takes_is_divided_over_the_variable_targets(panel: Panel) -> None:
    assert share_of(panel, 8.0) == 2.0
    assert share_of(replace(panel, variable=np.arange(0)), 12.0) == 2.0  # none varies: over all


@pytest.mark.parametrize(
    ("method", "stratified"), [*((method, None) for method in PREPARED_FROM_DATA), ("forest", 4)]
)
def test_every_target_with_a_model_bears_its_share(panel: Panel, method: str, stratified: int | None) -> None:
    fold, own = make_folds("kfold", 60, 4, 0)[0], settings(method, stratified)
    prepared = replace(prepare_method_fold(panel, fold, own), seconds=1000.0)
    for block in ([0, 1, 2, 3, 4], [2]):
        taken = run_shard(panel, prepared, block, own).tables["scores"].column("seconds").to_pylist()
        assert all(1000.0 < seconds < 1100.0 for seconds in taken)
    # A target that no model is fitted for cost nothing.
    assert run_shard(panel, prepared, [5], own).tables["scores"].column("seconds").to_pylist() == [0.0]


@pytest.mark.parametrize("method", PREPARED_FROM_DATA)
def test_preparing_is_timed(panel: Panel, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preparation that keeps the core busy for a tenth of a second is found in the share."""
    plain = method_named(method).prepare

    def slow(*given):  # type: ignore[no-untyped-def]
        begun = time.thread_time()
        while time.thread_time() - begun < 0.1:
            pass
        return plain(*given)

    monkeypatch.setattr(method_named(method), "prepare", slow)
    fold = make_folds("kfold", 60, 4, 0)[0]
    assert prepare_method_fold(panel, fold, settings(method)).seconds >= 0.1 / 4
