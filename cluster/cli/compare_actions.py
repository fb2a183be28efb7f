"""What `knockcast compare` prints and writes."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cluster.formats import KINDS, to_bytes
from cluster.results.compare import Comparison, among, compare, headlines
from cluster.runs.options import named_targets
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError

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
    only = known_targets(store, targets) if targets is not None else None
    made = compare(store, first, second)
    listed = among(made, only) if only is not None else None
    asked = listed or made
    if out is not None:
        _write("--out", out, to_bytes(_arrow(asked.table), out.suffix.lstrip(".")))
    if figure is not None:
        _write("--figure", figure, _scatter(made, only or {}))
    return "\n".join(
        [
            *headlines(made),
            *(_list_in_words(listed) if listed else []),
            *(_left_out(made, only) if only else []),
            *([f"{out}: one row per target{' of the list' if listed else ''}"] if out else []),
            *([f"{figure}: the scatter"] if figure else []),
        ]
    )


def known_targets(store: str, wanted: str) -> dict[str, str]:
    """The targets that `--targets` names, each with its class.

    Raises BadInputError naming those that the store's dataset does not hold, or if none is named.
    """
    names = named_targets(wanted)
    facts = StoreReader.open(store).targets()
    if not names:
        raise BadInputError(f"--targets {wanted}: no target is named")
    if facts is None:
        raise BadInputError(f"{store}: the facts of its targets are missing; `knockcast resume` writes them")
    classes = dict(zip(*(facts.column(name).to_pylist() for name in ("target", "class")), strict=True))
    if unknown := [name for name in names if name not in classes]:
        raise BadInputError([f"--targets: {name} is not among the store's targets" for name in unknown])
    return {name: classes[name] for name in names}


def _left_out(made: Comparison, only: Mapping[str, str]) -> list[str]:
    """Which of a list are not compared, with their classes: shared networks model what varies alone."""
    scored = set(made.table["target"])
    missing = [f"{name} ({kind})" for name, kind in only.items() if name not in scored]
    if not missing:
        return []
    return [f"{len(missing)} of the list not scored by both {made.first} and {made.second}: {_some(missing)}"]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:ROWS_SHOWN]) + (", ..." if len(names) > ROWS_SHOWN else "")


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
    from cluster.figures.compared import compared
    from cluster.figures.page import page

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
