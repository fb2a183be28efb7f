"""The executable contract of a method: what every `tasks.methods.method.Method` must hold, built in or not.

    python -m tests.contracts.method NAME...

runs it on methods that are built in or installed; tests call the checks of `METHOD_CONTRACT` by `keeps`.
"""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modeling.folds import FINAL_FOLD, final_fold, make_folds
from modeling.networks.training_state import Schedule
from modeling.selection.select import SelectionSettings
from tasks.artifacts.files import training_bytes
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.methods.cost import DataSize
from tasks.methods.in_memory import DoneHere, fold_work_here, read_by_targets
from tasks.methods.method import TARGETS as OF_TARGETS
from tasks.methods.method import FoldJob, FoldTask, Method
from tasks.methods.registry import method_named
from tasks.methods.shard import run_shard
from tasks.networks.training import design_of, train_fold
from tasks.scoring.predict import checksum_of, score_samples
from tasks.tables.schemas import MAY_DIFFER

# What fold-level work gave for a fold, to prepare targets with; empty for methods without any.
Committed = Callable[[Panel, int], Sequence[DoneHere]]
Check = Callable[[Method, Panel, Committed], None]

LINES, GENES, TARGETS = 72, 50, 40
SHORT = Schedule(epochs=3, patience=2)

FOLDS, SEED = 4, 0
MOST_TARGETS = 12  # enough for a block and for patterns of missing lines


def settings_for(method: Method) -> MethodSettings:
    return MethodSettings(method.name, ("ols", "tree"), SelectionSettings(), SEED, folds=FOLDS)


def tables_of(
    method: Method, panel: Panel, committed: Committed, targets: Sequence[int], fold: int = 1
) -> dict[str, pa.Table]:
    """The tables of one shard, without what may differ."""
    folds = (*make_folds("kfold", len(panel.cell_lines), FOLDS, SEED), final_fold(len(panel.cell_lines)))
    settings = settings_for(method)
    prepared = method.prepare(panel, folds[fold], settings, committed(panel, folds[fold].number))
    return _all_kept(run_shard(panel, prepared, targets, settings, method).tables)


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
            assert set(method.dependencies(FoldTask(OF_TARGETS, fold), settings)) <= set(tasks)


def a_target_is_the_same_in_any_company(method: Method, panel: Panel, committed: Committed) -> None:
    if method.fits != "targets":
        return
    targets = _modelled(method, panel)
    together = tables_of(method, panel, committed, targets)
    for target in targets:
        alone = tables_of(method, panel, committed, [target])
        for name, table in alone.items():
            mine = together[name].filter(pc.equal(together[name]["target"], panel.targets[target]))
            assert table.equals(mine.combine_chunks()), (
                f"{name} of {panel.targets[target]} change when it is fitted alone; a BLAS product's bits "
                "depend on its number of columns: see `_tiles` in modeling/kernels/ridge.py"
            )


def the_test_lines_change_nothing_that_is_fitted(method: Method, panel: Panel, committed: Committed) -> None:
    """The scramble test: effects of all test lines and the expression of every second one are replaced.

    Nothing fitted may change, nor what is predicted for the other test lines.
    """
    if method.fits != "targets":
        return
    targets = _modelled(method, panel)
    test = make_folds("kfold", len(panel.cell_lines), FOLDS, SEED)[1].test
    rng = np.random.default_rng(5)
    effect, expression = panel.effect.copy(), panel.expression.copy()
    effect[test] = rng.standard_normal(effect[test].shape)
    expression[test[::2]] = rng.gamma(2.0, 3.0, expression[test[::2]].shape)
    scrambled = replace(panel, effect=effect, expression=expression)
    shared, again = (committed(p, 1) for p in (panel, scrambled))
    for one, other in zip(shared, again, strict=True):
        assert one.result.files == other.result.files
        assert _fitted_tables(one.result) == _fitted_tables(other.result)
    before, after = (tables_of(method, p, committed, targets) for p in (panel, scrambled))
    for name in ("modifiers", "candidates"):
        assert before[name].equals(after[name]), name
    fitted = ["target", "status", "model", "n_train", "train_mean"]
    assert before["scores"].select(fitted).equals(after["scores"].select(fitted))
    kept = {panel.cell_lines[line] for line in test[1::2]}
    first, second = (_predicted(tables["predictions"], kept) for tables in (before, after))
    both = first.keys() & second.keys()
    assert both
    changed = [key for key in both if first[key] != second[key]]
    assert not changed, f"predictions use other test lines' data: {changed[:5]}"


def its_final_models_predict_a_sample_in_any_company(
    method: Method, panel: Panel, committed: Committed
) -> None:
    """Stored models score new samples: finite, not all alike, and none depends on those beside it."""
    if method.fits != "targets" or not method.stores_models:
        return
    models = tables_of(method, panel, committed, _modelled(method, panel), fold=-1)["models"]
    files = _Files(method, panel, committed)
    together = score_samples(models, panel.genes, panel.expression[:6], method, files).predicted
    assert np.isfinite(together).all()
    assert np.ptp(together, axis=0).max() > 0, "every sample is predicted alike"
    for i in range(3):
        alone = score_samples(models, panel.genes, panel.expression[i : i + 1], method, files).predicted
        np.testing.assert_allclose(alone[0], together[i], rtol=1e-5, atol=1e-5)


def its_final_models_carry_their_checksum(method: Method, panel: Panel, committed: Committed) -> None:
    if method.fits != "targets" or not method.stores_models:
        return
    models = tables_of(method, panel, committed, _modelled(method, panel), fold=-1)["models"].to_pylist()
    known = [row for row in models if row["kind"] is not None]
    assert known
    assert all(row["sha256"] == checksum_of(row, method.checksum_fields) for row in known)


def its_fold_level_work_repeats_to_the_bit(method: Method, panel: Panel, committed: Committed) -> None:
    del committed
    # Drugs need a dataset with drugs, and what is checkpointed takes long: they have tests.
    if method.checkpoints or method.name == "drugs":
        return
    fold = make_folds("kfold", len(panel.cell_lines), FOLDS, SEED)[1]
    for task in method.fold_tasks([1], settings_for(method)):
        job = FoldJob(task.work, panel, fold, settings_for(method))
        first, second = (method.work_on_fold(job) for _ in range(2))
        assert _all_kept(first.tables) == _all_kept(second.tables)
        assert first.files == second.files


SIZES = ((500, 200, 50), (18_000, 1000, 500))

METHOD_CONTRACT = (
    it_names_and_describes_itself,
    its_costs_are_positive_and_grow,
    its_dependencies_are_work_it_does,
    a_target_is_the_same_in_any_company,
    the_test_lines_change_nothing_that_is_fitted,
    its_final_models_carry_their_checksum,
    its_final_models_predict_a_sample_in_any_company,
    its_fold_level_work_repeats_to_the_bit,
)


def _modelled(method: Method, panel: Panel) -> list[int]:
    """Some targets that vary, so that every method models them."""
    classes = {
        name: "variable" if i in set(panel.variable.tolist()) else "near 0"
        for i, name in enumerate(panel.targets)
    }
    kept = set(method.targets(classes, panel.targets))
    return [i for i, name in enumerate(panel.targets) if name in kept][:MOST_TARGETS]


def _kept(table: pa.Table) -> pa.Table:
    """Without what may differ, in one piece."""
    gone = [name for name in MAY_DIFFER if name in table.column_names]
    return table.drop_columns(gone).combine_chunks()


def _all_kept(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    return {name: _kept(table) for name, table in tables.items()}


def _fitted_tables(result: FoldResult) -> dict[str, pa.Table]:
    """Without how well networks predict the test lines."""
    tables = _all_kept(result.tables)
    if "networks" in tables:
        tables["networks"] = tables["networks"].drop_columns(["lines", "lines_uncentred", "genes"])
    return tables


def _predicted(predictions: pa.Table, lines: set[str]) -> dict[tuple[str, str], float]:
    """The predictions for these cell lines, by target and line."""
    rows = predictions.select(["target", "cell_line", "predicted"]).to_pylist()
    return {(r["target"], r["cell_line"]): r["predicted"] for r in rows if r["cell_line"] in lines}


class _Files:
    """What a method's final models share, as a store would give it."""

    def __init__(self, method: Method, panel: Panel, committed: Committed) -> None:
        self._method, self._panel, self._committed = method, panel, committed

    def training(self, digest: str) -> bytes:
        """The training expression, if the run would have stored it."""
        assert self._method.needs_training_expression, "needs_training_expression must be True"
        data = training_bytes(self._panel.cell_lines, self._panel.genes, self._panel.expression)
        assert hashlib.sha256(data).hexdigest() == digest
        return data

    def weights(self, digest: str) -> bytes:
        """The file of a final network."""
        files = [work.file() for work in self._committed(self._panel, FINAL_FOLD)]
        (data,) = [data for data in files if hashlib.sha256(data).hexdigest() == digest]
        return data


def small_panel() -> Panel:
    """Targets that follow genes, one of noise, and two patterns of missing lines."""
    rng = np.random.default_rng(0)
    expression = rng.gamma(2.0, 1.5, (LINES, GENES)).astype(np.float32)
    effect = 0.5 * expression[:, :TARGETS] + rng.standard_normal((LINES, TARGETS))
    effect[:6, 1] = np.nan
    effect[10:14, 2] = np.nan
    effect[:, 3] = rng.standard_normal(LINES)
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(LINES)),
        genes=tuple(f"G{i}" for i in range(GENES)),
        targets=tuple(f"G{i}" for i in range(TARGETS)),
        expression=expression,
        effect=effect.astype(np.float32),
        own=np.arange(TARGETS),
        lineages=np.arange(LINES) % 3,
        variable=np.arange(5),
    )


def keeps(method: Method, check: Check, panel: Panel) -> None:
    """One check of the contract; networks are trained for three epochs: it is not about how good they are."""
    check(method, panel, lambda p, fold: _committed(method, p, fold))


def _committed(method: Method, panel: Panel, number: int) -> Sequence[DoneHere]:
    """What targets of a fold depend on, done here."""
    folds = (*make_folds("kfold", LINES, FOLDS, SEED), final_fold(LINES))
    settings = settings_for(method)
    if method.checkpoints:
        design = design_of(settings, folds[number], (5,), SHORT)
        return [DoneHere(train_fold(panel, folds[number], settings, design))]
    if method.fits != "targets":
        return []
    done = fold_work_here(method, panel, {fold.number: fold for fold in folds}, number, settings)
    return read_by_targets(method, done, number, settings)


def main(names: Sequence[str]) -> int:
    """Run every check on the named methods; the exit code counts what fails."""
    failures = 0
    panel = small_panel()
    for name in names:
        for check in METHOD_CONTRACT:
            try:
                keeps(method_named(name), check, panel)
                print(f"{name}: {check.__name__}: ok")
            except AssertionError as error:
                failures += 1
                print(f"{name}: {check.__name__}: FAILED {error}")
    return failures


if __name__ == "__main__":
    sys.exit(
        main(sys.argv[1:]) if sys.argv[1:] else "which methods? python -m tests.contracts.method NAME..."
    )
