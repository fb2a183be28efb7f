"""`knockcast compare`: two methods on the same folds, in words, as a table and as a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.outputs import check_table_and_figure, write_file
from tasks.errors import BadInputError

if TYPE_CHECKING:
    from cluster.results.compare import Comparison

ROWS_SHOWN = 30  # targets of a list that are printed one by one


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("compare")(compare)


def compare(
    store: StoreArgument,
    first: Annotated[str, typer.Argument(help="A method of this store, or OTHER_STORE:method.")],
    second: Annotated[str, typer.Argument(help="What it is compared with, likewise.")],
    targets: Annotated[
        str | None, typer.Option(help="Also these alone: G1,G2 or @FILE with one a line.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="One row per target (of --targets, if given): .csv, .json, .parquet."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="The scatter, --targets marked: .html, .svg, .png, .pdf.")
    ] = None,
) -> None:
    """Two methods on the same folds, target by target: counts, mean difference, paired tests."""
    typer.echo(compare_in_words(store, first, second, targets, out, figure))


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
    with `figure`, the scatter of all targets to that one, those of the list marked.
    """
    from cluster.formats import frame_bytes
    from cluster.results.compare import among, compare, headlines

    check_table_and_figure(out, figure)
    listed = known_targets(store, targets) if targets is not None else {}
    made = compare(store, first, second)
    of_both = [name for name in made.table["target"] if name in listed]
    some = among(made, of_both) if of_both else None
    if out is not None:
        rows = made.table[made.table["target"].isin(set(listed))] if listed else made.table
        write_file("--out", out, frame_bytes(rows, out.suffix.lstrip(".")))
    if figure is not None:
        write_file("--figure", figure, _scatter(made, listed, figure.suffix))
    return "\n".join(
        [
            *headlines(made),
            *(_list_in_words(some) if some else []),
            *_left_out(made, listed),
            *([f"{out}: one row per target{' of the list' if listed else ''}"] if out else []),
            *([f"{figure}: the scatter"] if figure else []),
        ]
    )


def known_targets(store: str, wanted: str) -> dict[str, str]:
    """The targets that `--targets` names (symbols in any case, ids, older symbols), each with its class.

    Raises BadInputError naming those that the store's dataset does not hold, or if none is named.
    """
    from cluster.answers.names import finder_of
    from cluster.runs.options import named_targets
    from cluster.store.reader import StoreReader

    names = named_targets(wanted)
    facts = StoreReader.open(store).targets()
    if not names:
        raise BadInputError(f"--targets {wanted}: no target is named")
    if facts is None:
        raise BadInputError(f"{store}: the facts of its targets are missing; `knockcast resume` writes them")
    classes = dict(zip(*(facts.column(name).to_pylist() for name in ("target", "class")), strict=True))
    found, problems = {}, []
    finder = finder_of(facts.to_pylist())
    for name in names:
        try:
            label = finder.find(name, "among the store's targets")
            found[label] = classes[label]
        except BadInputError as error:
            problems += [f"--targets: {p.replace(': not among', ' is not among', 1)}" for p in error.problems]
    if problems:
        raise BadInputError(problems)
    return found


def _left_out(made: "Comparison", listed: Mapping[str, str]) -> list[str]:
    """Which of a list are not compared, with class and who scores them: networks model what varies alone."""
    scored = set(made.table["target"])
    missing = [
        f"{name} ({kind}{f'; {made.alone[name]} alone' if name in made.alone else ''})"
        for name, kind in listed.items()
        if name not in scored
    ]
    if not missing:
        return []
    return [f"{len(missing)} of the list not scored by both {made.first} and {made.second}: {_some(missing)}"]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:ROWS_SHOWN]) + (", ..." if len(names) > ROWS_SHOWN else "")


def _list_in_words(listed: "Comparison") -> list[str]:
    """The same headlines of the list, and each of its targets as long as they are few."""
    from cluster.formats import frame_text
    from cluster.results.compare import headlines

    rest = len(listed.table) - ROWS_SHOWN
    return [
        "",
        "Of these, the list of --targets alone:",
        *headlines(listed),
        "",
        *frame_text(listed.table.head(ROWS_SHOWN)).splitlines(),
        *([f"... and {rest} more; --out FILE writes them all"] if rest > 0 else []),
    ]


def _scatter(made: "Comparison", listed: Mapping[str, str], suffix: str) -> bytes:
    """The figure as a page, or for print."""
    from cluster.figures.page import drawn_as
    from cluster.figures.targets import compared

    return drawn_as(compared(made, listed).figure, f"{made.first} against {made.second}", suffix)
