"""Whether expression can be log2(TPM+1), told from its range."""

import numpy as np

UNLOGGED = 30.0  # a transcript that is the whole sample has log2(10^6 + 1), about 20


def range_in_words(expression: np.ndarray) -> str:
    """From where to where the values go, and what that makes us doubt.

    `expression`: any shape, NaN or infinite where not known.
    """
    low, high = _range(expression)
    doubt = doubt_about(expression)
    return f"values from {low:.4g} to {high:.4g}" + (f" ({doubt})" if doubt else "")


def doubt_about(expression: np.ndarray) -> str:
    """Why these values cannot be log2(TPM+1); empty words where they can."""
    low, high = _range(expression)
    if high > UNLOGGED:
        return "log2(TPM+1) ends at about 18: is this a table without logarithm?"
    return "log2(TPM+1) is never below 0: is this a table of differences?" if low < 0 else ""


def _range(expression: np.ndarray) -> tuple[float, float]:
    known = expression[np.isfinite(expression)]
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)
