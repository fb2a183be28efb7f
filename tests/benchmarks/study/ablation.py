"""`best` with one part left out at a time: hidden methods that no command knows.

A part is left out by a subclass of the method that overrides what makes it. Nothing here runs where there is
no method `best`.
"""

from tasks.methods.method import Method
from tasks.methods.registry import is_known, method_named

WHOLE = "whole"


def methods() -> dict[str, Method]:
    """By what is left out; `whole` leaves nothing out. `best` may say itself how (`without`)."""
    if not is_known("best"):
        return {}
    best = method_named("best")
    without = getattr(best, "without", None)
    parts = getattr(best, "parts", ())
    return {WHOLE: best} | {f"no-{part}": without(part) for part in parts if without is not None}
