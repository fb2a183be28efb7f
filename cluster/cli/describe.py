"""`knockcast describe`: what a Dataset holds, and what changed from another one to it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.outputs import check_files, write_file
from cluster.text import measure_in_words
from tasks.errors import BadInputError

if TYPE_CHECKING:
    from tasks.analyses.drift import Drift

FORMATS = ("text", "json")
TURNED = -0.5  # r of all shared effects
SHOWN = 10  # rows of a table, names of a list


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("describe")(describe)


def describe(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The Dataset to describe.")],
    against: Annotated[
        str | None,
        typer.Option(metavar="DATASET2", help="An earlier Dataset: what changed from it."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="With --against, one row per target of both: .csv, .json or .parquet."),
    ] = None,
    kind: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Say what a Dataset holds (shapes, missing values, classes), and what changed between releases."""
    typer.echo(described(dataset, against, out, kind))


def described(dataset: str, against: str | None = None, out: Path | None = None, kind: str = "text") -> str:
    """What `knockcast describe` prints; with `out`, the table of targets goes to that file."""
    from cluster.formats import frame_bytes
    from cluster.store.datasets import open_dataset
    from tasks.analyses.description import description
    from tasks.analyses.drift import drift

    problems = [] if kind in FORMATS else [f"--format {kind}: expected text or json"]
    problems += ["--out: it is for what changed; name an earlier Dataset by --against"] * (
        out is not None and against is None
    )
    if problems:
        raise BadInputError(problems)
    if out is not None:
        check_files("--out", out, endings=(".csv", ".json", ".parquet"))
    opened = open_dataset(dataset)
    about = description(opened)
    changed = None if against is None else drift(open_dataset(against), opened)
    if out is not None and changed is not None:
        write_file("--out", out, frame_bytes(changed.targets, out.suffix.lstrip(".")))
    if kind == "json":
        return json.dumps(about | ({} if changed is None else {"drift": changed.summary}), indent=1)
    lines = _about(about) + ([] if changed is None else ["", *_drift(changed)])
    return "\n".join(lines + ([f"{out}: one row per target of both"] if out is not None else []))


def _about(about: dict[str, Any]) -> list[str]:
    genes, targets, effect = about["genes"], about["targets"], about["effect"]
    classes = ", ".join(f"{count} {name}" for name, count in targets["classes"].items())
    lineages = [f"{name} {count}" for name, count in about["lineages"].items()]
    lines = [
        f"{about['dataset']}: {about['cell_lines']} cell lines x {genes['count']} genes (expression), "
        f"{targets['count']} targets ({measure_in_words(targets['measure'])})",
        f"  expression: {genes['values']}; {genes['constant']} genes constant",
        f"  targets: {classes}; {targets['without_value']} without any value; the own expression of "
        f"{targets['own_expression']} is known",
        f"  missing: {effect['missing']} of the targets' values ({effect['missing_share']:.2%}), in "
        f"{effect['targets_with_gaps']} targets and {effect['lines_with_gaps']} lines",
        f"  lineages: {len(lineages)}: {_some(lineages)}"
        + (f"; unknown for {about['without_lineage']} lines" if about["without_lineage"] else ""),
    ]
    lines += [
        f"  {name.replace('_', ' ')}: {layer['features']} features, of {layer['lines']} lines"
        for name, layer in about["layers"].items()
    ]
    if drugs := about["drugs"]:
        lines.append(f"  drugs: {drugs['count']}, of {drugs['lines']} lines, {drugs['values']} values")
    lines += [f"  from: {', '.join(about['files'])}"] if about["files"] else []
    lines += [f"  content hash: {about['content_hash']}"]
    return lines + [f"WARNING: {words}" for words in about["warnings"]]


def _drift(found: "Drift") -> list[str]:
    from cluster.formats import frame_text

    summary = found.summary
    lines = [f"From {summary['before']} to this one:"]
    if summary["same_content"]:
        return [*lines, "  nothing changed: the same content hash"]
    for what in ("cell_lines", "genes", "targets"):
        part = summary[what]
        lines.append(
            f"  {what.replace('_', ' ')}: {part['before']} -> {part['after']}, {part['shared']} in both"
            + "".join(
                f"; {len(part[how])} {how}: {_some(part[how])}"
                for how in ("added", "removed", "renamed")
                if part[how]
            )
        )
    if other := summary["other_lineage"]:
        lines.append(f"  another lineage: {len(other)}: {_some(other)}")
    lines.append(_values_in_words("expression", "genes", summary["expression"]))
    if summary["effect"] is None:
        one, two = summary["measure"]
        return [*lines, f"  effect: not compared: {one} before, {two} now"]
    lines.append(_values_in_words("effect", "targets", summary["effect"]))
    if (summary["effect"]["pearson_of_all_values"] or 0) < TURNED:
        lines.append(
            "WARNING: effects are the opposite of what they were: is the sign turned in one of them?"
        )
    lines += [f"WARNING: {words}" for words in summary["lines_like_another"][:SHOWN]]
    lines.append(
        "  targets whose profile changed (r below 0.9 and variable, or another class): "
        f"{summary['targets_changed']}"
    )
    changed = found.targets[found.targets["changed"]].head(SHOWN)
    return lines + (["", *frame_text(changed.drop(columns="changed")).splitlines()] if len(changed) else [])


def _values_in_words(what: str, columns: str, part: dict[str, Any]) -> str:
    if part["pearson_of_all_values"] is None:
        return f"  {what}: no values of both to compare"
    median = "" if part["median_pearson"] is None else f", median r of {columns} {part['median_pearson']:.3f}"
    most = part["largest_difference"]
    return (
        f"  {what}: r of all shared values {part['pearson_of_all_values']:.4f}{median}; "
        f"{part['equal_share']:.1%} are equal"
        + (f", the largest difference is {most:.3g}" if most is not None else "")
        + f"; missing of the shared: {part['missing'][0]} -> {part['missing'][1]}"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
