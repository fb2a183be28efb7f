"""What became of the work: the tables `shards` (every one ever begun) and `failures` (what has no result)."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.records import Commit, by_key
from tasks.tables.computed_tables import SHARDS
from tasks.tables.schemas import KEYS, table_of


def shards_table(reader: StoreReader) -> pa.Table:
    """One row per shard key, sorted by it.

    `state` is `committed`; `failed` where the last attempt was seen to fail; `in parts` where some of it was
    committed before the rest, as rows of their own; else `unfinished` (running, or lost with its driver).
    `error` is the last failure's. A shard that never committed has no seconds, host or bytes; its method,
    fold and units are those its attempt named (null where it named none).
    """
    commits = {commit.key: commit for commit in reader.commits()}
    begun, failed = map(by_key, reader.history())
    whole = {key for key, _ in _in_parts(body for bodies in begun.values() for body in bodies)}
    rows = [
        _row(key, commits.get(key), begun.get(key, []), failed.get(key, []), key in whole)
        for key in sorted({*commits, *begun})
    ]
    return pa.Table.from_pylist(rows, schema=SHARDS.schema)


def failures_table(reader: StoreReader, only: Collection[str] | None = None) -> pa.Table:
    """The committed rows (of some targets) and one of each quarantined unit, sorted.

    A quarantined unit's `error` is its last, `attempts` how many errors condemned it.
    """
    rows = [
        {"method": unit.method, "target": unit.target, "fold": unit.fold, "status": "failed"}
        | {"error": str(errors[-1]) if errors else "no error recorded", "attempts": len(errors)}
        for unit, errors in reader.quarantined().items()
        if only is None or unit.target in only
    ]
    whole = pa.concat_tables([reader.table("failures", targets=only), table_of("failures", rows)])
    return sort_rows(whole, KEYS["failures"])


def failed_and_lost_attempts(reader: StoreReader) -> tuple[int, int]:
    """How many attempts failed; and how many have neither failure nor commit: lost, or running now."""
    attempts, failures = reader.history()
    ended = {(body["key"], body["attempt"]) for body in failures} | _in_parts(attempts)
    done = {commit.key for commit in reader.commits()}
    open_ones = [body for body in attempts if (body["key"], body["attempt"]) not in ended]
    return len(failures), sum(body["key"] not in done for body in open_ones)


def _in_parts(attempts: Iterable[dict[str, Any]]) -> set[tuple[str, int]]:
    """The attempts, by key and number, of which a part was committed by itself."""
    return {(key, number) for body in attempts for key, number in [body.get("part_of") or (None, 0)] if key}


def _row(
    key: str,
    commit: Commit | None,
    begun: list[dict[str, Any]],
    failed: list[dict[str, Any]],
    in_parts: bool,
) -> dict[str, Any]:
    row: dict[str, Any] = {"shard": key, "attempts": len(begun), "failed": len(failed)}
    if failed:
        row["error"] = ": ".join(str(failed[-1][name]) for name in ("kind", "error") if name in failed[-1])
    if commit is not None:
        (method, fold), _ = Counter((unit.method, unit.fold) for unit in commit.units).most_common(1)[0]
        sizes = {"units": len(commit.units), "bytes": commit.size}
        return {
            **row,
            **sizes,
            "method": method,
            "fold": fold,
            "state": "committed",
            "seconds": commit.seconds,
            "host": commit.host,
            "memory": commit.memory,
        }
    last_failed = bool(failed) and failed[-1]["attempt"] == max(body["attempt"] for body in begun)
    named = {name: begun[-1].get(name) for name in ("method", "fold", "units")}
    return {**row, **named, "state": "failed" if last_failed else "in parts" if in_parts else "unfinished"}
