"""The part of a run that its costs are measured on."""

from pathlib import Path

import pytest

from cluster.runs import cut as cuts
from cluster.runs.cut import cut_for
from cluster.runs.request import PreparedRun, prepare_run, request_of
from tasks.fitting.fold import Panel, panel_of
from tasks.methods.registry import method_named


def prepared_on(dataset: Path, *methods: str, **options: object) -> PreparedRun:
    return prepare_run(request_of(dataset, None, methods=methods, **options), lambda settled: "cpu")


def panel_for(prepared: PreparedRun) -> Panel:
    return panel_of(prepared.dataset, prepared.facts)


@pytest.mark.parametrize("seconds", [0.002, 0.05, 1.0, 1000.0])
@pytest.mark.parametrize("method", ["modifiers", "best", "latent", "forest", "kernel"])
def test_a_cut_is_a_part_that_the_method_can_work_on(
    small_dataset: Path, method: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "FEWEST_GENES", 20)
    prepared = prepared_on(small_dataset, method)
    panel = panel_for(prepared)
    cut = cut_for(prepared, panel, method, seconds)
    if cut is None:
        assert seconds < 1.0
        return
    fitted = [target for block in cut.blocks for target in block]
    assert len(fitted) == len(set(fitted)) > 0
    wanted = {unit.target for unit in prepared.units if unit.method == method}
    assert {cut.panel.targets[target] for target in fitted} <= wanted
    if method == "latent":
        assert set(fitted) <= set(cut.panel.variable.tolist())
    for fold in cut.folds.values():
        assert sorted([*fold.train, *fold.test]) == list(range(len(cut.panel.cell_lines)))
    if seconds == 1000.0:
        assert len(cut.panel.genes) == len(panel.genes)
        assert cut.panel.cell_lines == panel.cell_lines


def test_less_time_means_less_work(small_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "FEWEST_GENES", 20)
    prepared = prepared_on(small_dataset, "best")
    found = [cut_for(prepared, panel_for(prepared), "best", seconds) for seconds in (0.05, 0.1, 10.0)]
    sizes = [len(cut.panel.genes) * len(cut.panel.cell_lines) for cut in found if cut is not None]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_lines_missing_from_a_cut_are_missing_from_its_folds(
    small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "FEWEST_GENES", 20)
    monkeypatch.setattr(cuts, "FEWEST_LINES", 50)
    prepared = prepared_on(small_dataset, "kernel")
    panel = panel_for(prepared)
    cut = cut_for(prepared, panel, "kernel", 0.015)
    assert cut is not None
    assert len(cut.panel.cell_lines) < len(panel.cell_lines)
    for fold in prepared.folds[:-1]:
        part = cut.folds[fold.number]
        train = {panel.cell_lines[i] for i in fold.train} & set(cut.panel.cell_lines)
        assert {cut.panel.cell_lines[i] for i in part.train} == train


def test_the_same_targets_every_time(small_dataset: Path) -> None:
    prepared = prepared_on(small_dataset, "modifiers")
    first, again = (cut_for(prepared, panel_for(prepared), "modifiers", 1.0) for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.blocks == again.blocks
    assert first.panel.targets == again.panel.targets


def test_what_works_on_more_than_the_panel_cannot_be_cut(
    small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepared_on(small_dataset, "ridge")
    monkeypatch.setattr(type(method_named("ridge")), "load", lambda self, dataset: dataset.genes)
    assert cut_for(prepared, panel_for(prepared), "ridge", 100.0) is None
