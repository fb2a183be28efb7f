"""What `knockcast compare` prints and writes."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cluster.compare import Comparison, among, compare, headlines
from cluster.config import named_targets
from cluster.formats import KINDS, to_bytes
from tasks.problems import BadInputError

ROWS_SHOWN = 30  # targets of a list that are printed one by one


def compare_in_words(
    store: str,
    first: str,
    second: str,
    targets: str | None,
    out: Path | None = None,
    figure: Path | None = None,
) -> str:
    """What `knockcast compare` prints: all targets that both score, then those of the list, if one is given.

    With `out`, the table goes to that file (.csv, .json, .parquet), of the list alone where there is one;
    with `figure`, the scatter of all targets to that one (.html), those of the list marked.
    """
    if problems := _unknown_kinds(out, figure):
        raise BadInputError(problems)
    only = named_targets(targets) if targets is not None else None
    made = compare(store, first, second)
    listed = among(made, only) if only is not None else None
    asked = listed or made
    if out is not None:
        _write("--out", out, to_bytes(_arrow(asked.table), out.suffix.lstrip(".")))
    if figure is not None:
        _write("--figure", figure, _scatter(made, only or ()))
    return "\n".join(
        [
            *headlines(made),
            *(_list_in_words(listed) if listed else []),
            *([f"{out}: one row per target{' of the list' if listed else ''}"] if out else []),
            *([f"{figure}: the scatter"] if figure else []),
        ]
    )


def _list_in_words(listed: Comparison) -> list[str]:
    """The same headlines of the list, and each of its targets as long as they are few."""
    shown = listed.table.head(ROWS_SHOWN)
    rest = len(listed.table) - len(shown)
    return [
        "",
        "Of these, the list of --targets alone:",
        *headlines(listed),
        "",
        *to_bytes(_arrow(shown), "table").decode().splitlines(),
        *([f"... and {rest} more; --out FILE writes them all"] if rest else []),
    ]


def _scatter(made: Comparison, listed: Collection[str]) -> bytes:
    # Late: most comparisons are not drawn, and Plotly takes a while to start.
    from cluster.figures.compared import compared  # noqa: PLC0415
    from cluster.figures.page import page  # noqa: PLC0415

    return page(compared(made, listed).figure, f"{made.first} against {made.second}")


def _unknown_kinds(out: Path | None, figure: Path | None) -> list[str]:
    """What is wrong with the names of the files to write, before anything is read."""
    problems = []
    if out is not None and out.suffix.lstrip(".") not in KINDS.keys() - {"table"}:
        problems.append(f"--out {out}: expected a name that ends with .csv, .json or .parquet")
    if figure is not None and figure.suffix != ".html":
        problems.append(f"--figure {figure}: expected a name that ends with .html")
    return problems


def _write(option: str, path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadInputError(f"{option} {path}: cannot be written: {error.strerror}") from None


def _arrow(table: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(table, preserve_index=False)
