"""What a run took, as its store tells: the slowest shards, time by stage and candidate, memory."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD

SLOWEST = 5  # shards that are named
# Methods whose trials are parts of one fit: stores up to release 0.2 have the whole target's time with each.
TIMED_TOGETHER = ("best",)


@dataclass(frozen=True)
class Summary:
    """Seconds are core-seconds; `memory` is the most a worker process held (bytes), None where unknown.

    `slowest` has shard, method, fold, units, seconds, host and memory; `stages` method, stage and seconds.
    """

    shards: int
    seconds: float
    memory: int | None
    slowest: pd.DataFrame
    stages: pd.DataFrame


def summary_of(reader: StoreReader) -> Summary:
    """The whole store's; reads the columns `seconds` of four tables."""
    commits = reader.commits()
    slowest = heapq.nlargest(SLOWEST, commits, key=lambda commit: commit.seconds or 0.0)
    rows = [
        {
            "shard": commit.key[:12],
            "method": commit.units[0].method,
            "fold": commit.units[0].fold,
            "units": len(commit.units),
            "seconds": commit.seconds,
            "host": commit.host,
            "memory": commit.memory,
        }
        for commit in slowest
    ]
    return Summary(
        len(commits),
        sum(commit.seconds or 0.0 for commit in commits),
        max((commit.memory for commit in commits if commit.memory), default=None),
        pd.DataFrame(rows, columns=["shard", "method", "fold", "units", "seconds", "host", "memory"]),
        _stages(reader),
    )


def _stages(reader: StoreReader) -> pd.DataFrame:
    """By method: each candidate's trials, networks, final fits, and what selection and the rest took."""
    trials = {
        (m, f"candidate {name}"): took
        for m, name, took in _sums(reader, "candidates", "candidate")
        if m not in TIMED_TOGETHER
    }
    trained = _sums(reader, "networks", "fold")
    in_final = [each for each in trained if each[1] == FINAL_FOLD]
    in_folds = [each for each in trained if each[1] != FINAL_FOLD]
    networks = {(m, "training networks"): _of(trained, m) for m, _, _ in trained}
    # Each target's seconds hold its share of the networks, which are told apart.
    final = {(m, "final fits"): max(0.0, took - _of(in_final, m)) for m, _, took in _sums(reader, "models")}
    rest = {
        (m, "selection, refits and preparation"): max(
            0.0,
            took - sum(trial for (method, _), trial in trials.items() if method == m) - _of(in_folds, m),
        )
        for m, _, took in _sums(reader, "scores")
    }
    seconds = trials | networks | final | rest
    rows = [{"method": m, "stage": stage, "seconds": took} for (m, stage), took in seconds.items()]
    frame = pd.DataFrame(rows, columns=["method", "stage", "seconds"])
    return frame.sort_values(["method", "seconds"], ascending=[True, False], ignore_index=True)


def _of(sums: Sequence[tuple[str, Any, float]], method: str) -> float:
    """Seconds of one method."""
    return sum(took for name, _, took in sums if name == method)


def _sums(reader: StoreReader, table: str, name: str | None = None) -> list[tuple[str, Any, float]]:
    """Seconds by method, and by another column of a table."""
    sums: defaultdict[tuple[str, Any], float] = defaultdict(float)
    columns = ["method", *([name] if name else []), "seconds"]
    for rows in reader.pieces(table, columns):
        grouped = rows.group_by(columns[:-1]).aggregate([("seconds", "sum")])
        for row in grouped.to_pylist():
            sums[row["method"], row[name] if name else ""] += row["seconds_sum"] or 0.0
    return [(method, other, took) for (method, other), took in sums.items()]
