"""Saying which targets of a block are finished while others are still being fitted.

A method that fits target by target, or block by block, calls `finished` and marks its `fit` with
`says_what_is_finished`; of any other all targets are finished when its `fit` returns. The mark is of that one
function: a method derived from it whose `fit` changes what it gets is not heard too early.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from tasks.fitting.fit import Fit

_LISTENER: ContextVar[Callable[[Sequence[Fit]], None] | None] = ContextVar("listener", default=None)
_MARK = "_says_what_is_finished"
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def says_what_is_finished(fit: AnyFunction) -> AnyFunction:
    """Marks a method's `fit`: what it says is finished is what it will return."""
    setattr(fit, _MARK, True)
    return fit


def finished(fits: Sequence[Fit]) -> None:
    """These are final, whatever becomes of the others; nothing happens where nobody listens."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(fits)


@contextmanager
def heard_by(listener: Callable[[Sequence[Fit]], None], fit: Callable[..., Any]) -> Iterator[None]:
    """Within, while the method's `fit` runs: `listener` hears of finished targets, if `fit` says so."""
    token = _LISTENER.set(listener if getattr(fit, _MARK, False) else None)
    try:
        yield
    finally:
        _LISTENER.reset(token)
