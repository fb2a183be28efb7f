"""Shared networks from panel to tables: nothing learned of test lines, scores as a slow loop gives them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from modeling.folds import final_fold, make_folds
from modeling.networks.training_state import Schedule
from modeling.selection.select import SelectionSettings
from tasks.artifacts.files import networks_of
from tasks.errors import BadInputError
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.networks import prepare_networks
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import run_shard
from tasks.networks.training import FoldResult, design_of, train_fold

SHORT = Schedule(epochs=12, patience=4, learning_rate=1e-3)


def panel_of_noise(lines: int = 60, genes: int = 30, targets: int = 8, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    expression = rng.gamma(2.0, 1.5, (lines, genes)).astype(np.float32)
    expression[:, 3] = 0.0
    expression[::6, 3] = 1.0  # 0 in more than 80 % of the lines
    expression[:, 4] = 2.5
    effect = 0.4 * expression[:, 5 : 5 + targets] + rng.standard_normal((lines, targets))
    effect[:7, 2] = np.nan
    effect[::3, 3] = np.nan
    return Panel(
        cell_lines=tuple(f"ACH-{i:06d}" for i in range(lines)),
        genes=tuple(f"G{i}" for i in range(genes)),
        targets=tuple(f"T{i}" for i in range(targets)),
        expression=expression,
        effect=effect.astype(np.float32),
        own=np.full(targets, -1),
        lineages=np.arange(lines) % 3,
        variable=np.array([0, 2, 3, 5, 7]),
    )


def settings(method: str) -> MethodSettings:
    return MethodSettings(method, "quick", SelectionSettings(), 0)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of_noise()


def trained(panel: Panel, method: str, schedule: Schedule = SHORT, fold: int = 1) -> FoldResult:
    parts = make_folds("kfold", len(panel.cell_lines), 4, 0)
    where = parts[fold] if fold >= 0 else final_fold(len(panel.cell_lines))
    own = settings(method)
    return train_fold(panel, where, own, design_of(own, where, (7, 6), schedule))


class Committed:
    """A fold's networks as a worker reads them back; they took five seconds."""

    def __init__(self, result: FoldResult) -> None:
        self._result = result

    def rows(self, table: str) -> pa.Table:
        rows = self._result.tables[table]
        at = rows.column_names.index("seconds")
        return rows.set_column(at, "seconds", pa.array([5.0 / len(rows)] * len(rows)))

    def file(self) -> bytes:
        (data,) = self._result.files.values()
        return data


@pytest.mark.parametrize("method", ["latent", "plain"])
def test_scrambled_test_lines_change_no_weight(panel: Panel, method: str):
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    rng = np.random.default_rng(9)
    expression, effect = panel.expression.copy(), panel.effect.copy()
    expression[fold.test] = rng.gamma(1.0, 3.0, expression[fold.test].shape)
    effect[fold.test] = rng.standard_normal(effect[fold.test].shape)
    effect[fold.test[0]] = np.nan
    scrambled = replace(panel, expression=expression, effect=effect)
    whole, other = trained(panel, method), trained(scrambled, method)
    assert whole.files["safetensors"] == other.files["safetensors"]
    learned = [n for n in whole.tables["networks"].column_names if n.endswith("_train") or "loss" in n]
    assert len(learned) == 6
    for name in [*learned, "epochs", "best_epoch"]:
        assert whole.tables["networks"].column(name).equals(other.tables["networks"].column(name))
    assert not whole.tables["networks"].column("genes").equals(other.tables["networks"].column("genes"))
    # Garbled training lines do change them.
    assert trained(replace(panel, effect=-panel.effect), method).files != whole.files


@pytest.mark.parametrize("method", ["latent", "plain"])
def test_forecasts_and_scores_are_those_of_a_slow_loop(panel: Panel, method: str):
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    whole = trained(panel, method)
    prepared = prepare_method_fold(panel, fold, settings(method), [Committed(whole)])
    shared = networks_of(whole.files["safetensors"])
    assert shared.genes == tuple(g for g in panel.genes if g not in ("G3", "G4"))
    assert shared.targets == ("T0", "T2", "T3", "T5", "T7")
    tables = run_shard(panel, prepared, [7, 2, 3], settings(method)).tables
    rows = {(r["target"], r["cell_line"]): r for r in tables["predictions"].to_pylist()}
    assert {t for t, _ in rows} == {"T7", "T2", "T3"}
    for (target, line), row in rows.items():
        i = panel.cell_lines.index(line)
        assert i in fold.test
        expected = slow_forecast(shared, panel, i)[shared.targets.index(target)]
        assert row["predicted"] == pytest.approx(expected, abs=2e-5)
        assert row["measured"] == panel.effect[i, panel.targets.index(target)]
    assert {r["status"] for r in tables["scores"].to_pylist()} == {"ok"}
    assert {r["model"] for r in tables["scores"].to_pylist()} == {method}
    (seconds,) = {r["seconds"] for r in tables["scores"].to_pylist()}
    assert seconds == prepared.seconds
    assert 1.0 < seconds < 1.1  # a fifth of the training's, and of forecasting


def slow_forecast(shared, panel: Panel, line: int) -> np.ndarray:
    """In float64, weight by weight, from the file's content alone."""
    columns = [panel.genes.index(gene) for gene in shared.genes]
    z = (panel.expression[line, columns].astype(float) - shared.gene_mean) / shared.gene_scale
    nets = shared.networks

    def through(network, values, layers, last_linear):
        for i in layers:
            values = network.weights[i].astype(float) @ values + network.biases[i]
            if not (last_linear and i == layers[-1]):
                values = np.tanh(values)
        return values

    if "plain" in nets:
        out = through(nets["plain"], z, range(len(nets["plain"].weights)), True)
    else:
        code = through(nets["expression"], z, [0, 1], False)
        code = through(nets["code"], code, range(len(nets["code"].weights)), True)
        out = through(nets["dependency"], code, [2, 3], True)
    return out * shared.effect.scale + shared.effect.mean


def test_scaling_is_of_the_training_lines(panel: Panel):
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    shared = networks_of(trained(panel, "plain").files["safetensors"])
    columns = [panel.genes.index(gene) for gene in shared.genes]
    train = panel.expression[np.ix_(fold.train, columns)].astype(float)
    assert shared.gene_mean == pytest.approx(train.mean(axis=0), rel=1e-6)
    assert shared.gene_scale == pytest.approx(train.std(axis=0), rel=1e-6)
    effect = panel.effect[np.ix_(fold.train, panel.variable)].astype(float)
    assert shared.effect.mean == pytest.approx(np.nanmean(effect, axis=0), rel=1e-5, abs=1e-6)


def test_reconstruction_scores_are_those_of_a_loop(panel: Panel):
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    whole = trained(panel, "latent")
    row = next(r for r in whole.tables["networks"].to_pylist() if r["network"] == "dependency")
    shared = networks_of(whole.files["safetensors"])
    measured = panel.effect[np.ix_(fold.test, panel.variable)].astype(float)
    scaled = np.nan_to_num((measured - shared.effect.mean) / shared.effect.scale).astype(np.float32)
    back = shared.networks["dependency"].forward(scaled) * shared.effect.scale + shared.effect.mean
    centred, back_centred = measured - shared.effect.mean, back - shared.effect.mean
    for name, pairs in {
        "lines_uncentred": zip(measured, back, strict=True),
        "lines": zip(centred, back_centred, strict=True),
        "genes": zip(centred.T, back_centred.T, strict=True),
    }.items():
        r = [
            np.corrcoef(a[~np.isnan(a)], b[~np.isnan(a)])[0, 1] for a, b in pairs if (~np.isnan(a)).sum() > 2
        ]
        assert row[name] == pytest.approx(np.mean(r), abs=1e-6)


def test_targets_may_be_grouped_in_any_way(panel: Panel):
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    prepared = prepare_networks(panel, fold, trained(panel, "plain").files["safetensors"])
    together = run_shard(panel, prepared, [0, 2, 3, 5, 7], settings("plain")).tables["predictions"]
    alone = [
        run_shard(panel, prepared, [t], settings("plain")).tables["predictions"] for t in (0, 2, 3, 5, 7)
    ]
    assert together.to_pylist() == [row for table in alone for row in table.to_pylist()]


def test_a_target_that_hardly_varies_is_refused(panel: Panel):
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    prepared = prepare_networks(panel, fold, trained(panel, "plain").files["safetensors"])
    with pytest.raises(BadInputError, match="T1: plain predicts variable targets only"):
        run_shard(panel, prepared, [0, 1], settings("plain"))


def test_networks_that_fail_leave_a_row_with_the_reason(panel: Panel):
    """An effect as large as float32 allows overflows when squared."""
    effect = panel.effect.copy()
    effect[3:, 0] *= np.float32(3e38) / np.nanmax(np.abs(effect[3:, 0]))
    effect[:3, 0] = 0.0
    broken = replace(panel, effect=effect)
    schedule = replace(SHORT, learning_rate=1e30)
    whole = trained(broken, "plain", schedule)
    (row,) = whole.tables["networks"].to_pylist()
    assert whole.status == row["status"] == "failed"
    assert "not finite" in row["reason"]
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    prepared = prepare_networks(broken, fold, whole.files["safetensors"])
    result = run_shard(broken, prepared, [2, 3], settings("plain"))
    assert result.statuses == {"failed": 2}
    assert "network plain: the loss of epoch" in result.tables["failures"].to_pylist()[0]["error"]


def test_the_final_fold_gives_models_that_name_their_networks(panel: Panel):
    import hashlib

    whole = trained(panel, "latent", fold=-1)
    data = whole.files["safetensors"]
    prepared = prepare_networks(panel, final_fold(len(panel.cell_lines)), data)
    rows = run_shard(panel, prepared, [0, 2], settings("latent")).tables["models"].to_pylist()
    assert [row["kind"] for row in rows] == ["latent", "latent"]
    assert all(hashlib.sha256(data).hexdigest() in row["parameters"] for row in rows)
    assert whole.tables["networks"].column("lines").to_pylist() == [None] * 3  # no test lines
