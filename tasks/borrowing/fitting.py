"""A block of targets in one fold by method `best`: three stages, their mix, a gate, the training range."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float64

from modeling.borrowing.gate import Gate, added_in_raw_units, raw_units, residuals_after
from modeling.borrowing.gate_ranking import Product, torch_product
from modeling.borrowing.shared import PATTERN_TILE
from modeling.borrowing.stages import STAGES
from modeling.borrowing.tiles import TileFits, fit_tile
from modeling.candidates.choice import Trial
from modeling.kernels.ridge import TILE_TARGETS, predict_by_kernel
from modeling.selection.association import one_blas_thread
from modeling.selection.select import Modifiers
from tasks.borrowing.layers import UNTIMED, LayersTile, fit_layers_tile, layer_trials
from tasks.borrowing.preparing import PreparedBest
from tasks.fitting.finished import finished
from tasks.fitting.fit import BlockFit, fit_by_pattern
from tasks.fitting.fold import MethodSettings, Panel
from tasks.fitting.modifiers import TargetFit

GATE = "gate"


@dataclass(frozen=True, eq=False, kw_only=True)
class BestFit(BlockFit):
    """One target's fit: `intercept` + kernel with training lines @ `dual` + the gate, in `low` to `high`.

    `weights` and `centre` are the gate's, for expression as it comes, in the order of `modifiers`.
    """

    intercept: float
    dual: Float64[np.ndarray, " lines"]
    weights: Float64[np.ndarray, " gate"]
    centre: Float64[np.ndarray, " gate"]
    low: float
    high: float
    modifiers: Modifiers | None = None  # type: ignore[assignment]


def fit_best_targets(
    panel: Panel, prepared: PreparedBest, targets: Sequence[int], settings: MethodSettings
) -> list[BestFit | TargetFit]:
    """Every target of a block; the order of `targets` is kept, and none depends on the others."""
    product: Product = np.matmul if settings.device == "cpu" else torch_product(settings.device)
    group = partial(_fit_group, panel, prepared, settings.method, product)
    with one_blas_thread():
        return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, group)


def _fit_group(
    panel: Panel,
    prepared: PreparedBest,
    method: str,
    product: Product,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[BestFit]:
    """Targets that are measured on the same training lines, a tile at a time."""
    begun = time.thread_time()
    prepared = prepared.of(present)
    shared_seconds = prepared.seconds + (time.thread_time() - begun) / len(targets)
    width = TILE_TARGETS if present.all() else PATTERN_TILE
    found: list[BestFit] = []
    for start in range(0, len(targets), width):
        begun = time.thread_time()
        block = targets[start : start + width]
        tile = np.zeros((len(present), width))
        tile[np.ix_(present, np.arange(len(block)))] = effect[:, start : start + width]
        fitted, predicted = _fit_tile(prepared, tile, present, product)
        layers = _fit_layers(prepared, fitted, present)
        seconds = shared_seconds + (time.thread_time() - begun) / len(block)
        found += [
            _result(panel, prepared, method, target, present, fitted, predicted[:, i], layers, i, seconds)
            for i, target in enumerate(block)
        ]
        finished(found[start:])
    return found


def _fit_tile(
    prepared: PreparedBest,
    effects: Float64[np.ndarray, "lines tile"],
    present: Bool[np.ndarray, " lines"],
    product: Product,
) -> tuple[TileFits, Float64[np.ndarray, "test tile"]]:
    """The fits, and what their kernels predict of the test lines."""
    fits = fit_tile(
        prepared.view, prepared.inner, prepared.genes, effects, present, prepared.borrows, product
    )
    with np.errstate(invalid="ignore", over="ignore"):  # an infinite effect is reported as a failed fit
        predictions = predict_by_kernel(prepared.view.new, fits.dual, fits.intercept, effects.shape[1])
    return fits, predictions


def _fit_layers(
    prepared: PreparedBest, tile: TileFits, present: Bool[np.ndarray, " lines"]
) -> LayersTile | None:
    """What layers add to the mix and the gates; None where expression alone predicts."""
    if prepared.layers is None:
        return None
    left = residuals_after(prepared.genes, tile.gates, tile.residuals)
    with np.errstate(invalid="ignore", over="ignore"):
        return fit_layers_tile(prepared.layers, tile.effects, left, present)


def _result(
    panel: Panel,
    prepared: PreparedBest,
    method: str,
    target: int,
    present: Bool[np.ndarray, " lines"],
    tile: TileFits,
    by_kernel: Float64[np.ndarray, " test"],
    layers: LayersTile | None,
    column: int,
    seconds: float,
) -> BestFit:
    """One column of a tile."""
    effect, gate = tile.effects[:, column], tile.gates[column]
    weights, centre = raw_units(gate, prepared.scaling.mean, prepared.scaling.inverse)
    low, high = float(effect.min()), float(effect.max())
    test = prepared.fold.test
    expressed = panel.expression[np.ix_(test, gate.genes)]
    predictions = by_kernel + added_in_raw_units(expressed, weights, centre)
    dual = tile.dual[:, column]
    by_expression, trials = None, _trials(tile, column)
    if layers is not None and prepared.layers is not None:
        by_expression = np.clip(predictions, low, high)
        predictions = predictions + layers.added[:, column]
        trials = chain(trials, layer_trials(prepared.layers, layers, column))
    finite = bool(np.isfinite(predictions).all() and np.isfinite(dual).all())
    return BestFit(
        target=target,
        train=prepared.fold.train[present],
        train_mean=float(np.mean(effect)),
        method=method,
        test=test,
        predictions=np.clip(predictions, low, high),
        seconds=seconds,
        status="ok" if finite else "failed",
        reason=None if finite else "the fit is not finite: is an effect infinite?",
        by_expression=by_expression,
        trials=tuple(trials) if finite else (),
        modifiers=_modifiers(gate, weights),
        intercept=float(tile.intercept[column]),
        dual=dual,
        weights=weights,
        centre=centre,
        low=low,
        high=high,
    )


def _trials(tile: TileFits, column: int) -> Iterator[Trial]:
    """Each stage with its share of the mix, and the gate: rows of `candidates`."""
    for stage, name in enumerate(STAGES):
        weight = float(f"{tile.weights[stage, column]:.12g}")
        parameters: dict[str, float] = {"share": weight}
        if np.isfinite(penalty := tile.fits.penalty[stage, column]):
            parameters["penalty"] = float(penalty)
        yield Trial(name, parameters, float(tile.errors[stage, column]), weight > 0, UNTIMED, "ok", "")
    gate = tile.gates[column]
    said: dict[str, float | int | str] = {"gain": float(f"{gate.gain:.12g}"), "genes": len(gate.genes)}
    if len(gate.genes):
        said |= {"ranked_by": gate.ranked_by, "penalty": gate.penalty}
    yield Trial(GATE, said, float("nan"), len(gate.genes) > 0, UNTIMED, "ok", "")


def _modifiers(gate: Gate, weights: Float64[np.ndarray, " gate"]) -> Modifiers | None:
    """The genes of an open gate: with their r and weight; no test chose them."""
    k = len(gate.genes)
    if not k:
        return None
    unknown, no = np.full(k, np.nan), np.zeros(k, dtype=bool)
    return Modifiers(gate.genes, gate.pearson, *(unknown,) * 5, no, no, no, weights)
