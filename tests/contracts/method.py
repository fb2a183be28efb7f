"""The executable contract of a method: what every `tasks.methods.method.Method` must hold, built in or not.

A plug-in's own tests can run it too: `for check in METHOD_CONTRACT: check(my_method, panel, committed)`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modeling.folds import final_fold, make_folds
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.cost import DataSize
from tasks.methods.method import TARGETS, CommittedWork, FoldJob, FoldTask, Method
from tasks.methods.shard import run_shard
from tasks.scoring.predict import checksum_of
from tasks.tables.schemas import MAY_DIFFER

# What fold-level work gave for a fold, to prepare targets with; empty for methods without any.
Committed = Callable[[Panel, int], Sequence[CommittedWork]]

FOLDS, SEED = 4, 0


def settings_for(method: Method) -> MethodSettings:
    return MethodSettings(method.name, ("ols", "tree"), SelectionSettings(), SEED, folds=FOLDS)


def tables_of(
    method: Method, panel: Panel, committed: Committed, targets: Sequence[int], fold: int = 1
) -> dict[str, pa.Table]:
    """The tables of one shard, without what may differ."""
    folds = (*make_folds("kfold", len(panel.cell_lines), FOLDS, SEED), final_fold(len(panel.cell_lines)))
    settings = settings_for(method)
    prepared = method.prepare(panel, folds[fold], settings, committed(panel, folds[fold].number))
    tables = run_shard(panel, prepared, targets, settings, method).tables
    return {name: _kept(table) for name, table in tables.items()}


def it_names_and_describes_itself(method: Method, panel: Panel, committed: Committed) -> None:
    del panel, committed
    assert method.name.isidentifier()
    assert method.help
    assert "\n" not in method.help
    assert method.schemes


def its_costs_are_positive_and_grow(method: Method, panel: Panel, committed: Committed) -> None:
    del panel, committed
    small, large = (method.cost(DataSize(g, n, d), settings_for(method)) for g, n, d in SIZES)
    if method.fits == "targets":
        assert 0 < small.target <= large.target
    for task in method.fold_tasks([0, 1], settings_for(method)):
        assert 0 < small.fold_work[task.work] <= large.fold_work[task.work]
    assert small.worker_bytes > 0


def its_dependencies_are_work_it_does(method: Method, panel: Panel, committed: Committed) -> None:
    del panel, committed
    for search in ("none", "once", "nested"):
        settings = replace(settings_for(method), search=search)
        folds = [0, 1, -1]
        tasks = method.fold_tasks(folds, settings)
        assert len(set(tasks)) == len(tasks)
        for position, task in enumerate(tasks):
            assert set(method.dependencies(task, settings)) <= set(tasks[:position])
        for fold in folds:
            assert set(method.dependencies(FoldTask(TARGETS, fold), settings)) <= set(tasks)


def a_target_is_the_same_in_any_company(method: Method, panel: Panel, committed: Committed) -> None:
    if method.fits != "targets":
        return
    targets = _modelled(method, panel)
    together = tables_of(method, panel, committed, targets)
    for target in targets:
        alone = tables_of(method, panel, committed, [target])
        for name, table in alone.items():
            mine = together[name].filter(pc.equal(together[name]["target"], panel.targets[target]))
            assert table.equals(mine.combine_chunks()), (name, panel.targets[target])


def the_test_lines_change_nothing_that_is_fitted(method: Method, panel: Panel, committed: Committed) -> None:
    """The scramble test: predictions change with the test lines' expression, nothing else does."""
    if method.fits != "targets":
        return
    targets = _modelled(method, panel)
    fold = make_folds("kfold", len(panel.cell_lines), FOLDS, SEED)[1]
    effect = panel.effect.copy()
    effect[fold.test] = np.random.default_rng(5).standard_normal(effect[fold.test].shape)
    before = tables_of(method, panel, committed, targets)
    after = tables_of(method, replace(panel, effect=effect), committed, targets)
    for name in ("modifiers", "candidates"):
        assert before[name].equals(after[name]), name
    predicted = (
        tables["predictions"].select(["target", "cell_line", "predicted"]) for tables in (before, after)
    )
    first, second = (
        {(r["target"], r["cell_line"]): r["predicted"] for r in t.to_pylist()} for t in predicted
    )
    shared = first.keys() & second.keys()
    assert shared
    assert all(first[key] == second[key] for key in shared)


def its_final_models_carry_their_checksum(method: Method, panel: Panel, committed: Committed) -> None:
    if method.fits != "targets" or not method.stores_models:
        return
    models = tables_of(method, panel, committed, _modelled(method, panel), fold=-1)["models"].to_pylist()
    known = [row for row in models if row["kind"] is not None]
    assert known
    assert all(row["sha256"] == checksum_of(row, method.checksum_fields) for row in known)


def its_fold_level_work_repeats_to_the_bit(method: Method, panel: Panel, committed: Committed) -> None:
    del committed
    if method.fits != "folds" or method.name == "drugs":  # drugs need a dataset with drugs; they have a test
        return
    fold = make_folds("kfold", len(panel.cell_lines), FOLDS, SEED)[1]
    for task in method.fold_tasks([1], settings_for(method)):
        job = FoldJob(task.work, panel, fold, settings_for(method))
        first, second = (method.work_on_fold(job) for _ in range(2))
        assert {name: _kept(table) for name, table in first.tables.items()} == {
            name: _kept(table) for name, table in second.tables.items()
        }
        assert first.files == second.files


SIZES = ((500, 200, 50), (18_000, 1000, 500))

METHOD_CONTRACT = (
    it_names_and_describes_itself,
    its_costs_are_positive_and_grow,
    its_dependencies_are_work_it_does,
    a_target_is_the_same_in_any_company,
    the_test_lines_change_nothing_that_is_fitted,
    its_final_models_carry_their_checksum,
    its_fold_level_work_repeats_to_the_bit,
)


def _modelled(method: Method, panel: Panel) -> list[int]:
    """Targets that vary, so that every method models them."""
    classes = {
        name: "variable" if i in set(panel.variable.tolist()) else "near 0"
        for i, name in enumerate(panel.targets)
    }
    kept = set(method.targets(classes, panel.targets))
    return [i for i, name in enumerate(panel.targets) if name in kept]


def _kept(table: pa.Table) -> pa.Table:
    """Without what may differ, in one piece."""
    gone = [name for name in MAY_DIFFER if name in table.column_names]
    return table.drop_columns(gone).combine_chunks()
