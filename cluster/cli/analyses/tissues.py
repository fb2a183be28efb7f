"""`knockcast tissues`: targets whose predictions differ between groups of samples, in words and figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.arguments import StoreArgument
from cluster.outputs import check_table_and_figure, write_file
from cluster.text import counted

if TYPE_CHECKING:
    import pandas as pd

    from cluster.results.biology.tissues import Tissues

SHOWN = 8  # targets of each group that are printed
COLUMNS = ("target", "mean", "mean_against", "difference", "effect_size", "q_value", "pearson_pooled")
ROUNDED = (*COLUMNS[1:], "margin")


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("tissues")(tissues)


def tissues(
    store: StoreArgument,
    forecast: Annotated[Path, typer.Argument(help="What `predict` wrote: samples x targets, or --long.")],
    groups: Annotated[
        Path,
        typer.Option(
            "--groups", help="A table with a column of samples and one of groups: .csv, .tsv, .parquet."
        ),
    ],
    by: Annotated[
        str | None, typer.Option(help="The column of groups. Default: group, cohort, tissue, ...")
    ] = None,
    normal: Annotated[
        Path | None, typer.Option("--normal", help="Predictions of normal tissues, from the same store.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The table: .csv, .json, .parquet.")] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", help="The strongest targets of each group: .html, .svg, .png, .pdf."),
    ] = None,
) -> None:
    """Targets whose predictions differ between groups of samples: t test, false discovery, effect size.

    With --normal also what a group depends on more than every normal tissue. The rows become the table
    `tissues` of the store.
    """
    typer.echo(tissues_in_words(store, forecast, groups, by, normal, out, figure))


def tissues_in_words(
    store: str,
    forecast: Path,
    groups: Path,
    by: str | None = None,
    normal: Path | None = None,
    out: Path | None = None,
    figure: Path | None = None,
) -> str:
    """What `knockcast tissues` prints; with `out` the table goes to that file, with `figure` the figure."""
    from cluster.formats import frame_bytes
    from cluster.results.biology.tissues import keep_tissues
    from cluster.results.biology.tissues import tissues as compare_groups
    from cluster.store.reader import StoreReader

    check_table_and_figure(out, figure)
    reader = StoreReader.open(store)
    made = compare_groups(reader, forecast, groups, by, normal)
    lines = [*_head(made), "", *_groups_in_words(made)]
    if out is not None:
        write_file("--out", out, frame_bytes(made.table, out.suffix.lstrip(".")))
        lines.append(f"{out}: one row per target, group and what it is tested against")
    if figure is not None:
        write_file("--figure", figure, _drawn(made, figure.suffix))
        lines.append(f"{figure}: the strongest targets of each group")
    kept = keep_tissues(reader, made)
    return "\n".join(
        [*lines, kept.line() + ("; --out F keeps the rows" if kept.why_not and out is None else "")]
    )


def _head(made: "Tissues") -> list[str]:
    """How much was compared, and what was left out."""
    from tasks.analyses.tissues import OTHERS

    rows = made.table[made.table["against"] == OTHERS]
    differ = rows[rows["q_value"] < 0.05]["target"].nunique()
    of = made.table["target"].nunique()
    groups = ", ".join(f"{name} {len(members)}" for name, members in made.groups.rows.items())
    lines = [
        f"Predictions of {differ} of {of} targets differ between groups at q < 0.05 ({groups} samples)."
        if len(rows)
        else f"One group: {groups} samples."
    ]
    if made.normals:
        lines.append(
            f"Against {made.normals} normal tissues. Both forecasts must be made with the same options "
            "(--match, --match-genes, or neither): what these change would count as a difference"
        )
    if flagged := _flagged(made):
        some = ", ".join(flagged)
        lines.append(
            f"LOOK AGAIN: flagged by `predict`, as unlike any cell line: {some}. Their predictions are "
            "guesses, and what differs may be that"
        )
    if made.groups.small:
        small = ", ".join(f"{name} {n}" for name, n in made.groups.small.items())
        lines.append(f"groups with fewer than 3 samples, left out: {small}")
    if made.groups.unknown:
        lines.append(f"{len(made.groups.unknown)} samples have no group and are left out")
    if made.groups.absent:
        lines.append(f"{made.groups.absent} samples of the groups are not in the forecast")
    if made.table["pearson_pooled"].isna().all():
        lines.append(
            "how well each target is predicted is not known: the file of targets that `predict` wrote beside "
            "the forecast is gone; all targets are shown"
        )
    return lines


def _flagged(made: "Tissues") -> list[str]:
    """The groups with flagged samples, and the normal tissues, each with how many."""
    found = [(name, count, len(made.groups.rows[name])) for name, count in (made.flagged or {}).items()]
    found.append(("normal tissues", made.normals_flagged or 0, made.normals))
    return [f"{name} {count} of {of}" for name, count, of in found if count]


def _groups_in_words(made: "Tissues") -> list[str]:
    """The strongest targets of each group, against the others and against normal tissues."""
    from tasks.analyses.tissues import LEAST_R, LEVEL, NORMAL, OTHERS

    known = made.table["pearson_pooled"].notna().any()
    which = f"q < {LEVEL}, r >= {LEAST_R} out of fold" if known else f"q < {LEVEL}"
    titles = {OTHERS: "more dependent than the others", NORMAL: "more dependent than every normal tissue"}
    lines = []
    for group in made.groups.rows:
        for against in dict.fromkeys(made.table["against"].sort_values(ascending=False)):
            rows = made.selective(group, against)
            first = f", the first {SHOWN}" if len(rows) > SHOWN else ""
            lines += [
                f"{group}, {titles[against]} ({counted(len(rows), 'target')}{first}; {which}):",
                *_rows(rows, against),
                "",
            ]
    return lines


def _rows(rows: "pd.DataFrame", against: str) -> list[str]:
    from cluster.formats import frame_text
    from tasks.analyses.tissues import NORMAL

    if rows.empty:
        return ["", "none"]
    shown = rows.head(SHOWN)[
        [*COLUMNS, *(["margin", "strongest_normal"] if against == NORMAL else [])]
    ].copy()
    for name in set(ROUNDED).intersection(shown.columns):
        shown[name] = [float(f"{value:.3g}") for value in shown[name]]
    return ["", *frame_text(shown).splitlines()]


def _drawn(made: "Tissues", suffix: str) -> bytes:
    """The figure as a page, or for print."""
    from cluster.figures.page import drawn_as
    from cluster.figures.tissues import tissues as draw

    return drawn_as(draw(made.table).figure, "tissues", suffix)
