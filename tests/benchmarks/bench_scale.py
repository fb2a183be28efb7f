"""A store of many commits, before and after `gc --compact`: status, query, resume's first look, verify.

python -m tests.benchmarks.bench_scale [COMMITS ...]      # 500 and 1500 without
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cluster.answers.status import status_of
from cluster.maintenance.compact import compact, remove_replaced
from cluster.maintenance.maintain import verify
from cluster.store.body import sha256
from cluster.store.filesystem import FileSystem
from cluster.store.reader import StoreReader
from cluster.store.units import Unit, shard_key
from cluster.views.query import query
from tests.made_stores import made_tables, made_writer

COMMITS = (500, 1500)
# Seconds that status, query, resume and verify may take, on two cores with the store in memory.
BOUNDS = {100_000: {"before": (90, 90, 90, 900), "after": (20, 20, 20, 60)}}
FOLDS = 5


def make(folder: Path, commits: int) -> FileSystem:
    """A sealed store of so many commits of one unit each."""
    units = [Unit("modifiers", f"GENE{number // FOLDS}", number % FOLDS) for number in range(commits)]
    writer = made_writer(folder)
    writer.add_plan(units)
    for unit in units:
        key = shard_key(writer.run_digest, [unit])
        attempt = writer.begin_attempt(key, {"method": unit.method, "fold": unit.fold, "units": 1})
        writer.commit(key, attempt, [unit], made_tables([unit]), {}, info={"statuses": {"ok": 1}})
    writer.seal()
    return writer.fs


def left(fs: FileSystem) -> int:
    """What `resume` asks first: the units that no commit holds."""
    reader = StoreReader(fs)
    return len(reader.wanted_units() - reader.committed_units().keys())


def counted(fs: FileSystem) -> int:
    """A count by `query`."""
    found: int = query(StoreReader(fs), "SELECT count(*) n FROM scores").to_pylist()[0]["n"]
    return found


ASKED: dict[str, Callable[[FileSystem], object]] = {
    "status": lambda fs: status_of(StoreReader(fs)).committed,
    "query": counted,
    "resume": left,
    "verify": lambda fs: verify(fs).ok,
}


def timed(fs: FileSystem) -> tuple[list[float], list[object]]:
    """Seconds of each question, and its answer."""
    seconds, answers = [], []
    for ask in ASKED.values():
        begun = time.perf_counter()
        answers.append(ask(fs))
        seconds.append(time.perf_counter() - begun)
    return seconds, answers


def measure(commits: int) -> list[list[float]]:
    """Print one store's seconds before and after; returns them."""
    with tempfile.TemporaryDirectory() as folder:
        fs = make(Path(folder) / "store", commits)
        rows = sha256(str(StoreReader(fs).table("scores").to_pylist()).encode())
        before, answers = timed(fs)
        begun = time.perf_counter()
        made = compact(fs)
        middle = time.perf_counter()
        removed = remove_replaced(fs, 0)
        end = time.perf_counter()
        after, again = timed(fs)
        if answers != again or rows != sha256(str(StoreReader(fs).table("scores").to_pylist()).encode()):
            raise RuntimeError(f"{commits} commits: a compacted store answers otherwise: {answers}, {again}")
        print_row(commits, "before", before)
        print_row(commits, "after", after)
        print(
            f"\n{commits} commits: {len(made)} packs in {middle - begun:.1f} s; {len(removed)} files removed "
            f"in {end - middle:.1f} s\n",
            file=sys.stderr,
        )
    return [before, after]


def print_row(commits: int, when: str, seconds: list[float]) -> None:
    """One row of the table."""
    print(f"| {commits} | {when} | " + " | ".join(f"{each:.2f}" for each in seconds) + " |", flush=True)


def over_bounds(commits: int, when: str, seconds: list[float]) -> list[str]:
    """What took longer than it may."""
    limits = BOUNDS.get(commits, {}).get(when, ())
    return [
        f"{commits} commits, {when} compaction: {name} took {took:.0f} s, must: {limit} s"
        for name, took, limit in zip(ASKED, seconds, limits, strict=False)
        if took > limit
    ]


def main() -> str | None:
    """Print seconds for each size, and what each further commit costs; what passed its bound, if anything."""
    sizes = [int(text) for text in sys.argv[1:]] or list(COMMITS)
    print("| commits | compaction | " + " | ".join(ASKED) + " |\n|" + "---|" * (2 + len(ASKED)))
    found = [measure(size) for size in sizes]
    over = [
        each
        for size, rows in zip(sizes, found, strict=True)
        for when, seconds in zip(("before", "after"), rows, strict=True)
        for each in over_bounds(size, when, seconds)
    ]
    if len(sizes) < 2:
        return "\n".join(over) or None
    print("\nMilliseconds for each further 1000 commits:\n")
    for number, when in enumerate(("before", "after")):
        costs = [
            f"{name} {(last - first) / (sizes[-1] - sizes[0]) * 1e6:.0f}"
            for name, first, last in zip(ASKED, found[0][number], found[-1][number], strict=True)
        ]
        print(f"* {when}: {', '.join(costs)}")
    return "\n".join(over) or None


if __name__ == "__main__":
    sys.exit(main())
