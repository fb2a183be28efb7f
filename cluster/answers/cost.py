"""What a run took beside what it was thought to take."""

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.runs.estimates import latest_estimate
from cluster.store.reader import StoreReader
from cluster.store.units import Unit

FAR_BEYOND = 3.0  # times the estimate


@dataclass(frozen=True)
class Took:
    """Core-seconds of a method's committed work, and the estimate for just that (None: there is none)."""

    method: str
    seconds: float
    estimated: float | None


def took(reader: StoreReader) -> list[Took]:
    """Each method of the store, by name; preparations are in neither number."""
    seconds: dict[str, float] = {}
    units: list[Unit] = []
    for commit in reader.commits():
        units += commit.units
        method = commit.units[0].method
        seconds[method] = seconds.get(method, 0.0) + (commit.seconds or 0.0)
    estimate = latest_estimate(reader.fs)
    thought = estimate.of_units(units) if estimate is not None else {}
    return [Took(method, seconds[method], thought.get(method)) for method in sorted(seconds)]


def in_words(each: Took) -> str:
    """`best 120 core-seconds (estimated 98)`."""
    estimated = "" if each.estimated is None else f" (estimated {each.estimated:.3g})"
    return f"{each.method} {each.seconds:.3g} core-seconds{estimated}"


def why_more(times: Sequence[Took]) -> str:
    """What may explain a method that took many times its estimate; "" where none did."""
    beyond = any(each.estimated is not None and each.seconds > FAR_BEYOND * each.estimated for each in times)
    if not beyond:
        return ""
    return (
        "; a node's first run also compiles, and a process that trains networks takes seconds to start, "
        "which no estimate counts"
    )
