"""What kind of number a target matrix holds: gene effect, dependency probability or ordinal level."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from tasks.errors import BadInputError

MOST_LEVELS = 10
BEYOND = 6.0  # nothing that an effect file may hold is never negative, reaches beyond it and is no level
NEGATIVE = 0.1  # share of values below 0 from which on they are no log2(TPM+1)


@dataclass(frozen=True)
class _Range:
    """What the measure is guessed from."""

    low: float
    high: float
    levels: frozenset[float] | None  # None: not whole numbers, or more than MOST_LEVELS of them


def decide_measure(
    file: str, values: Float32[np.ndarray, "columns rows"], wanted: str | None
) -> tuple[str, str]:
    """The measure ("effect", "dependency", "level") and how it was decided, in words.

    Guessed where `wanted` is None: whole numbers with at most 10 distinct values are levels, all in 0..1
    dependency, anything else effect. BadInputError where the values cannot be what was wanted.
    """
    found = _range_of(values)
    guess = _guess(found)
    if wanted is None:
        return guess, f"{guess}, guessed: {_because(found, guess)}; --measure sets another"
    impossible = {
        "level": found.levels is None,
        "dependency": found.low < 0 or found.high > 1,
        "effect": False,
    }
    if wanted not in impossible:
        raise BadInputError(f"--measure {wanted}: expected effect, dependency or level")
    if impossible[wanted]:
        raise BadInputError(f"{file}: --measure {wanted} does not fit: {_because(found, guess)}; try {guess}")
    return wanted, f"{wanted}, as asked"


def doubt_of_roles(
    effect_file: str,
    effect: Float32[np.ndarray, "columns rows"],
    expression_file: str,
    expression: Float32[np.ndarray, "columns rows"],
) -> str:
    """Why the two files look as if each had been given to the other's option; "" where they do not.

    log2(TPM+1) is never negative and reaches about 14. Gene effect is negative for about half of all values,
    dependencies lie in 0..1, levels are a few whole numbers.
    """
    first, second = _range_of(effect), _range_of(expression)
    if _guess(first) != "effect" or not (first.low >= 0 and first.high > BEYOND):
        return ""
    if _guess(second) == "effect" and float(np.mean(expression < 0)) < NEGATIVE:
        return ""
    return (
        f"--effect {effect_file} and --expression {expression_file} look swapped: the first reaches from "
        f"{first.low:.3g} to {first.high:.3g}, as log2(TPM+1) does, the second from {second.low:.3g} to "
        f"{second.high:.3g}, as effects do; give each to the other option"
    )


def _guess(found: _Range) -> str:
    if found.levels is not None:
        return "level"
    return "dependency" if found.low >= 0 and found.high <= 1 else "effect"


def _because(found: _Range, guess: str) -> str:
    if guess == "level" and found.levels is not None:
        return f"whole numbers {', '.join(f'{level:g}' for level in sorted(found.levels))}"
    inside = "all within 0..1" if guess == "dependency" else "not all within 0..1"
    return f"fractions from {found.low:.4g} to {found.high:.4g}, {inside}"


def _range_of(values: Float32[np.ndarray, "columns rows"]) -> _Range:
    low, high, levels = np.inf, -np.inf, set()
    whole = True
    for column in values:
        known = column[~np.isnan(column)]
        if not known.size:
            continue
        low, high = min(low, float(known.min())), max(high, float(known.max()))
        if whole:
            levels.update(np.unique(known).tolist())
            whole = len(levels) <= MOST_LEVELS and all(level == round(level) for level in levels)
    return _Range(low, high, frozenset(levels) if whole else None)
