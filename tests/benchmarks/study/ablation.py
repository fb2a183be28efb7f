"""`best` with one part left out at a time: methods for the study alone, which no command knows.

A part is left out while the method works, by another number or function where it looks one up. A name that
`best` no longer has raises AttributeError: say here how the part is left out now.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from tasks.methods.method import Method
from tasks.methods.registry import is_known, method_named

WHOLE = "whole"


def mix_of(*stages: int) -> Callable[..., np.ndarray]:
    """In place of learned weights of a mix: equal ones of these stages, none of the others."""

    def weights(predictions: np.ndarray, effects: np.ndarray, borrows: bool = True) -> np.ndarray:
        del borrows
        out = np.zeros((len(predictions), effects.shape[1]))
        out[list(stages)] = 1.0 / len(stages)
        return out

    return weights


def _learned_of(*stages: int) -> Callable[..., np.ndarray]:
    """Learned weights of these stages alone."""
    from modeling.borrowing.mixing import mixing_weights

    def weights(predictions: np.ndarray, effects: np.ndarray, borrows: bool = True) -> np.ndarray:
        out = np.zeros((len(predictions), effects.shape[1]))
        out[list(stages)] = mixing_weights(predictions[list(stages)], effects, borrows)
        return out

    return weights


def _changes() -> dict[str, dict[str, Any]]:
    """What is looked up, by the part that is left out, and what stands there instead."""
    from modeling.kernels.distances import scaling_of

    mix = "modeling.borrowing.tiles.mixing_weights"
    return {
        "borrowing": {mix: mix_of(0)},
        "borrowed components": {mix: _learned_of(0, 2)},
        "second kernel": {mix: _learned_of(0, 1)},
        "shares of each target's own": {mix: mix_of(0, 1, 2)},
        "gate": {"modeling.borrowing.gate.WORTH": np.inf},
        "log2 units": {"tasks.borrowing.lines.log2_scaling_of": scaling_of},
        "clipping": {},
    }


def methods() -> dict[str, Method]:
    """By what is left out; `whole` leaves nothing out. Empty where there is no method `best`."""
    if not is_known("best"):
        return {}
    best = method_named("best")
    changes = _changes()
    return {WHOLE: best} | {part: _without(type(best), part, changes[part]) for part in changes}


def _without(best: type[Method], part: str, changes: dict[str, Any]) -> Method:
    class Without(best):  # type: ignore[valid-type, misc]
        def _changed(self) -> ExitStack:
            stack = ExitStack()
            for name, other in changes.items():
                stack.enter_context(patch(name, other))
            return stack

        def work_on_fold(self, *given: Any) -> Any:
            with self._changed():
                return super().work_on_fold(*given)

        def prepare(self, *given: Any) -> Any:
            with self._changed():
                return super().prepare(*given)

        def fit(self, panel: Any, prepared: Any, *given: Any) -> Sequence[Any]:
            with self._changed():
                fits = super().fit(panel, prepared, *given)
            return [_unclipped(panel, prepared, fit) for fit in fits] if part == "clipping" else fits

    return Without()


def _unclipped(panel: Any, prepared: Any, fit: Any) -> Any:
    """The prediction made again from what a final model would store, without its range."""
    if not hasattr(fit, "dual"):
        return fit
    predictions = fit.intercept + prepared.view.new @ fit.dual
    if fit.modifiers is not None:
        expressed = panel.expression[np.ix_(fit.test, fit.modifiers.genes)].astype(np.float64)
        predictions = predictions + (expressed - np.array(fit.centre)) @ np.array(fit.weights)
    return replace(fit, predictions=predictions)
