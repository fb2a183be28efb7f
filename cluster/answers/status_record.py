"""`status --json`: what is known of a store's runs, under keys that stay."""

import time
from typing import Any

from cluster.answers.pace import seconds_left
from cluster.answers.status import state_of, status_of
from cluster.store.leases import living
from cluster.store.reader import StoreReader
from cluster.worker.checkpoints import trainings


def status_record(reader: StoreReader) -> dict[str, Any]:
    """As of now. Times are Unix seconds, `left_seconds` is null where it is not known."""
    status = status_of(reader)
    drivers = living(reader.fs, time.time())
    committed = {commit.key for commit in reader.commits()}
    return {
        "store": reader.fs.name,
        "run": reader.run_digest,
        "state": state_of(reader, status),
        "complete": status.sealed and not status.left and status.wanted > 0,
        "preset": reader.run.get("preset"),
        "scheme": reader.run.get("scheme"),
        "seed": reader.run.get("seed"),
        "measure": reader.run.get("measure"),
        "units": {
            "wanted": status.wanted,
            "committed": status.committed,
            "left": status.left,
            "quarantined": status.quarantined,
        },
        "attempts": {"failed": status.failed_attempts, "lost_or_running": status.lost_attempts},
        "left_seconds": seconds_left(reader.commits(), units_left(reader)) if drivers else None,
        "drivers": [
            {
                "number": each.number,
                "host": each.host,
                "process": each.process,
                "methods": list(each.methods),
                "began": each.began,
                "seen": each.seen,
                "job": each.job or None,
            }
            for each in drivers
        ],
        "statuses": status.statuses,
        "folds": status.by_fold.to_dict("records"),
        "trainings": [
            {"shard": key, "progress": words}
            for key, words in trainings(reader.fs).items()
            if key not in committed
        ],
        "quarantined": [
            {"method": u.method, "target": u.target, "fold": u.fold, "errors": [str(e) for e in errors]}
            for u, errors in reader.quarantined().items()
        ],
    }


def units_left(reader: StoreReader) -> set[Any]:
    """The wanted units that are neither committed nor set aside."""
    return reader.wanted_units() - reader.committed_units().keys() - reader.quarantined().keys()
