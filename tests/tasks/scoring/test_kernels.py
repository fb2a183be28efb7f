"""Forecasts of stored `ridge` and `kernel` models: as fitted, as the slow twin, and with genes missing."""

import json

import numpy as np
import pyarrow as pa
import pytest

from modeling.folds import final_fold
from modeling.selection.select import SelectionSettings
from tasks.artifacts.codec import Codec
from tasks.artifacts.files import training_bytes, training_of
from tasks.errors import BadInputError
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.kernels import KernelFit, PreparedKernel, fit_kernel_targets
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import run_shard
from tasks.scoring.predict import Scored, checksum_of, score_samples
from tests.reference.kernel_ridge import fit_slow, kernel_slow, standardise_slow

KINDS = ("ridge", "kernel")
LINES, NEW, GENES = 60, 7, 80
CONSTANT = (5, 6)  # genes that tell no line from another


class Files:
    """The one file that kernels need."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def training(self, digest: str) -> bytes:
        return self._data

    def weights(self, digest: str) -> bytes:
        raise AssertionError("kernels need no networks")


def settings(method: str) -> MethodSettings:
    return MethodSettings(method, "quick", SelectionSettings(), 0)


@pytest.fixture(scope="module")
def expression() -> np.ndarray:
    """Of the training lines, then of new ones."""
    x = np.random.default_rng(2).gamma(2.0, 1.5, (LINES + NEW, GENES)).astype(np.float32)
    x[:LINES, 5], x[:, 6], x[:, 8] = 0.0, 3.3, x[:, 7]
    return x


@pytest.fixture(scope="module")
def panel(expression: np.ndarray) -> Panel:
    """14 targets: some miss lines, one is constant, one has too few."""
    rng = np.random.default_rng(3)
    effect = expression[:LINES, :14] * 0.3 + rng.standard_normal((LINES, 14))
    effect[rng.integers(0, LINES, 5), 3] = np.nan
    effect[:15, 4] = np.nan
    effect[:, 9], effect[10:50, 11] = 0.7, np.nan
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(LINES)),
        genes=tuple(f"G{i}" for i in range(GENES)),
        targets=tuple(f"T{i}" for i in range(14)),
        expression=expression[:LINES].copy(),
        effect=effect.astype(np.float32),
        own=np.arange(14),
        lineages=np.zeros(LINES, dtype=np.int64),
    )


def prepared_for(method: str, panel: Panel) -> PreparedKernel:
    prepared = prepare_method_fold(panel, final_fold(LINES), settings(method))
    assert isinstance(prepared, PreparedKernel)
    return prepared


def stored(method: str, panel: Panel) -> pa.Table:
    return run_shard(panel, prepared_for(method, panel), range(14), settings(method)).tables["models"]


def scored(
    models: pa.Table, panel: Panel, values: np.ndarray, genes: tuple[str, ...] | None = None
) -> Scored:
    data = training_bytes(panel.cell_lines, panel.genes, panel.expression)
    (method,) = set(models.column("method").to_pylist()[-1:])
    return score_samples(models, genes or panel.genes, values, method_named(method), Files(data))


@pytest.mark.parametrize("method", KINDS)
def test_training_lines_are_forecast_as_when_they_were_fitted(panel: Panel, method: str):
    prepared = prepared_for(method, panel)
    made = scored(stored(method, panel), panel, panel.expression)
    assert made.targets == tuple(sorted(f"T{i}" for i in range(14) if i != 11))
    for fit in fit_kernel_targets(panel, prepared, range(14), settings(method)):
        if isinstance(fit, KernelFit):
            kernel = prepared.kernel.of(prepared.within)[:, fit.train]
            fitted = fit.intercept + kernel @ fit.dual
            predicted = made.predicted[:, made.targets.index(f"T{fit.target}")]
            np.testing.assert_allclose(predicted, fitted, rtol=1e-9, atol=1e-11)
    assert (made.predicted[:, made.targets.index("T9")] == np.float32(0.7)).all()


def slow_forecast(
    panel: Panel, said: dict[str, float], new: np.ndarray, method: str, target: int, known: np.ndarray
) -> np.ndarray:
    """scikit-learn's KernelRidge with the parameters said; new lines compared over the known genes alone."""
    x, y = panel.expression, panel.effect[:, target].astype(np.float64)
    z, z_new = standardise_slow(x, x), standardise_slow(x, new)
    varies = np.ptp(x, axis=0) > 0
    measured, given = ~np.isnan(y), {name: said[name] for name in ("c", "p") if name in said}
    within = kernel_slow(method, z[measured], z[measured], int(varies.sum()), **given)
    between = kernel_slow(
        method, z_new[:, known], z[measured][:, known], int((varies & known).sum()), **given
    )
    return fit_slow(within, y[measured], said["penalty"], between)


@pytest.mark.parametrize("method", KINDS)
def test_new_samples_are_forecast_as_by_the_slow_twin(panel: Panel, expression: np.ndarray, method: str):
    new = expression[LINES:]
    models = stored(method, panel)
    whole = scored(models, panel, new)
    absent = [0, 1, 2, *CONSTANT, 60, 61]  # five of the 78 that vary
    kept = np.setdiff1d(np.arange(GENES), absent)[::-1]
    fewer = scored(models, panel, new[:, kept], tuple(f"G{i}" for i in kept))
    assert fewer.missing["T0"] == ("G0", "G1", "G2", "G60", "G61")
    for target in (0, 3, 4):
        at, said = whole.targets.index(f"T{target}"), json.loads(models.column("parameters")[target].as_py())
        for made, known in ((whole, np.ones(GENES, bool)), (fewer, np.isin(np.arange(GENES), kept))):
            slow = slow_forecast(panel, said, new, method, target, known)
            np.testing.assert_allclose(made.predicted[:, at], slow, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", KINDS)
def test_a_gene_missing_in_one_sample_is_as_a_gene_missing_in_all(
    panel: Panel, expression: np.ndarray, method: str
):
    models, new = stored(method, panel), expression[LINES:]
    whole = scored(models, panel, new).predicted
    holed = new.copy()
    holed[2, :3], holed[4, 70:75] = np.nan, np.inf
    made = scored(models, panel, holed)
    for sample, genes in ((2, slice(0, 3)), (4, slice(70, 75))):
        without = new.copy()
        without[:, genes] = np.nan
        np.testing.assert_allclose(
            made.predicted[sample], scored(models, panel, without).predicted[sample], rtol=1e-12
        )
        assert (np.abs(made.predicted[sample] - whole[sample]) > 0).sum() == 12  # all but the constant
    others = [0, 1, 3, 5, 6]
    np.testing.assert_allclose(made.predicted[others], whole[others], rtol=1e-12)
    assert made.known.tolist() == [78, 78, 75, 78, 73, 78, 78]
    lacking = {gene: int(count) for gene, count in zip(made.needed, made.unknown, strict=True) if count}
    assert lacking == dict.fromkeys([f"G{i}" for i in (0, 1, 2, 70, 71, 72, 73, 74)], 1)
    assert made.missing == {}  # every gene has a column


@pytest.mark.parametrize("method", KINDS)
def test_a_sample_that_knows_under_nine_tenths_of_the_genes_is_not_forecast(
    panel: Panel, expression: np.ndarray, method: str
):
    new = expression[LINES:].copy()
    new[0, -7:] = np.nan  # knows 71 of the 78 that vary: 91 %
    new[1, -8:] = np.nan  # 70: 89.7 %
    new[2, [5, 6]] = np.nan  # constant ones do not count
    made = scored(stored(method, panel), panel, new)
    kernels = np.array([target != "T9" for target in made.targets])
    assert np.isnan(made.predicted[1, kernels]).all()
    assert np.isfinite(np.delete(made.predicted, 1, axis=0)).all()
    assert made.predicted[1, made.targets.index("T9")] == np.float32(0.7)  # constant: needs no gene
    assert made.known[:3].tolist() == [71, 70, 78]


@pytest.mark.parametrize("method", KINDS)
@pytest.mark.parametrize("column", ["parameters", "intercept", "weights", "method"])
def test_a_model_that_is_not_what_was_committed_is_refused(panel: Panel, method: str, column: str):
    models = stored(method, panel).slice(0, 2)
    rows = models.to_pylist()
    changed = {
        "parameters": rows[0]["parameters"].replace('"penalty":', '"penalty":1'),
        "intercept": rows[0]["intercept"] + 1e-12,
        "weights": rows[0]["weights"][:-1] + b"\x00",
        "method": KINDS[1 - KINDS.index(method)],
    }
    forged = pa.Table.from_pylist([rows[0] | {column: changed[column]}, rows[1]], schema=models.schema)
    with pytest.raises(BadInputError, match="model of T0: its content does not have the sha256"):
        scored(forged, panel, panel.expression)


def test_duals_of_other_lines_than_the_shared_file_holds_are_refused(panel: Panel):
    models = stored("kernel", panel)
    data = training_bytes(panel.cell_lines[1:], panel.genes, panel.expression[1:])
    with pytest.raises(BadInputError, match="60 dual coefficients for 59 training lines"):
        score_samples(models, panel.genes, panel.expression, method_named("kernel"), Files(data))


def test_the_sum_of_a_row_of_modifiers_covers_what_it_did():
    """Stores made before kernels had final models must open: nothing was added to their rows' sums."""
    row = {"kind": "ridge", "modifiers": ["A"], "intercept": 0.5, "coefficients": [1.0]}
    before = "98c892225e038935563ac640e0f1b9abd72068d6ec1430a1bc6265eb59950d25"
    fields = method_named("modifiers").checksum_fields
    named = row | {"method": "modifiers", "parameters": '{"penalty":1.0}'}
    assert checksum_of(named, fields) == before
    wide = {"method": "ridge", "kind": "ridge", "modifiers": [], "intercept": 0.5, "weights": b"x"}
    fields = method_named("ridge").checksum_fields
    sums = {checksum_of(wide | {"parameters": text}, fields) for text in ("{}", '{"penalty":1.0}')}
    assert len(sums) == 2


def test_lines_all_alike_forecast_the_mean(panel: Panel):
    alike = Panel(**{**vars(panel), "expression": np.ones_like(panel.expression)})
    for method in KINDS:
        made = scored(stored(method, alike), alike, np.full((3, GENES), 9.0, dtype=np.float32))
        assert made.needed == ()
        np.testing.assert_allclose(made.predicted[:, 0], np.nanmean(alike.effect[:, 0]), rtol=1e-6)


def test_the_shared_file_comes_back_and_has_the_same_bytes_whatever_the_layout(panel: Panel):
    data = training_bytes(panel.cell_lines, panel.genes, panel.expression)
    assert (
        training_bytes(list(panel.cell_lines), list(panel.genes), np.asfortranarray(panel.expression)) == data
    )
    back = training_of(data)
    assert (back.cell_lines, back.genes) == (panel.cell_lines, panel.genes)
    assert np.array_equal(back.expression, panel.expression)
    assert training_bytes(panel.cell_lines, panel.genes[::-1], panel.expression) != data


def test_a_shared_file_of_a_newer_version_is_refused(panel: Panel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tasks.artifacts.files.TRAINING_EXPRESSION", Codec("training expression", newest=2))
    data = training_bytes(panel.cell_lines, panel.genes, panel.expression)
    monkeypatch.undo()
    with pytest.raises(BadInputError, match="newer Knockcast"):
        training_of(data)


def test_parameters_say_all_that_a_forecast_needs(panel: Panel):
    prepared = prepared_for("kernel", panel)
    said = json.loads(stored("kernel", panel).column("parameters")[0].as_py())
    assert said.keys() == {"c", "p", "penalty", "training"}
    assert (said["c"], said["p"]) == (prepared.kernel.c, prepared.kernel.p)
    assert said["training"] == prepared.training
