"""What the run did: how far it is, how targets ended, what failed and why, where the time went."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from dash import html

from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import (
    Page,
    Shown,
    answer,
    counted,
    gene_link,
    number,
    section,
    small_table,
    tiles,
)

if TYPE_CHECKING:
    from cluster.answers.status import Status

MOST = 300  # failures that are listed


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """The run's state; arguments are not read."""
    del given
    status = data.status
    state = "sealed" if status.sealed else "not sealed" if not status.left else "unfinished"
    facts = [
        ("Units wanted", number(status.wanted, 0), "a unit is one target in one fold, by one method"),
        ("Committed", number(status.committed, 0), state),
        ("Left", number(status.left, 0), "the command knockcast resume does them" if status.left else ""),
        (
            "Quarantined",
            number(status.quarantined, 0),
            "failed alone, three times" if status.quarantined else "",
        ),
        ("Failed attempts", number(status.failed_attempts, 0), "of shards; repeated since"),
        (
            "Lost attempts",
            number(status.lost_attempts, 0),
            "driver died, or running now" if status.lost_attempts else "",
        ),
    ]
    content = [
        html.H1("Run"),
        answer(_sentence(data, status)),
        tiles(facts),
        section(
            "How units ended",
            _statuses(status.statuses),
            note="Each target ends with a model or a stated reason.",
        ),
        section(
            "Methods and folds",
            small_table(status.by_fold, _BY_FOLD, "Units of each method and fold"),
            note="Fold −1 is the final fit, on all cell lines.",
        ),
        *_failures(data.failures),
        *_slowest(data),
    ]
    return Page("Run", html.Article(content))


def _sentence(data: StoreData, status: "Status") -> str:
    state = "complete" if status.sealed else "finished, not sealed" if not status.left else "unfinished"
    failed = counted(len(data.failures), "failure") if len(data.failures) else "nothing failed"
    return (
        f"The run is {state}: {number(status.committed, 0)} of {counted(status.wanted, 'unit')} committed, "
        f"{failed}."
    )


def _statuses(counts: Mapping[str, int]) -> html.Div:
    frame = pd.DataFrame({"status": list(counts), "units": list(counts.values())}).sort_values(
        "units", ascending=False
    )
    columns = (
        Shown("Status", lambda row: row.status, is_number=False),
        Shown("Units", lambda row: number(row.units, 0)),
        Shown("Meaning", lambda row: MEANINGS.get(row.status, ""), is_number=False),
    )
    return small_table(frame, columns, "How units ended")


MEANINGS = {
    "ok": "a model was fitted",
    "no_modifiers": "no gene passed selection; the prediction is the training mean",
    "constant_target": "the effect is the same on all training lines",
    "too_few_lines": "fewer than 30 lines with a measured effect, or too few of them in training",
    "not_converged": "the chosen model stopped early or at a bound; it still predicts",
    "failed": "no candidate could be fitted; the reason names each one's",
}

_BY_FOLD = (
    Shown("Method", lambda row: row.method, is_number=False),
    Shown("Fold", lambda row: number(row.fold, 0)),
    Shown("Wanted", lambda row: number(row.wanted, 0)),
    Shown("Committed", lambda row: number(row.committed, 0)),
    Shown("Quarantined", lambda row: number(row.quarantined, 0)),
)


def _failures(failures: pd.DataFrame) -> list[Any]:
    if failures.empty:
        return [section("Failures", html.P("Nothing failed."))]
    columns = (
        Shown("Gene", lambda row: gene_link(row.target), is_number=False),
        Shown("Method", lambda row: row.method, is_number=False),
        Shown("Fold", lambda row: number(row.fold, 0)),
        Shown("Error", lambda row: row.error, is_number=False),
        Shown("Attempts", lambda row: number(row.attempts, 0)),
    )
    return [section("Failures", small_table(failures, columns, "What failed, and why", MOST))]


def _slowest(data: StoreData) -> list[Any]:
    shards = data.shards
    done = shards[shards["state"] == "committed"]
    if done.empty:
        return []
    grouped = done.groupby("method", as_index=False).agg(
        shards=("shard", "size"), units=("units", "sum"), seconds=("seconds", "sum"), bytes=("bytes", "sum")
    )
    columns = (
        Shown("Method", lambda row: row.method, is_number=False),
        Shown("Shards", lambda row: number(row.shards, 0)),
        Shown("Units", lambda row: number(row.units, 0)),
        Shown("Core-minutes", lambda row: number(row.seconds / 60, 1)),
        Shown("Seconds a unit", lambda row: number(row.seconds / max(row.units, 1), 3)),
        Shown("MiB", lambda row: number(row.bytes / 2**20, 1)),
    )
    return [section("Time and size", small_table(grouped, columns, "Time and size of each method"))]
