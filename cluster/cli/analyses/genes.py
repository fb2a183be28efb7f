"""`knockcast gene` and `top`: answers about one gene, and lists of genes."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.arguments import GeneIdsOption, StoreArgument
from cluster.outputs import check_files, write_file
from tasks.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

    from cluster.answers.gene import GenePage
    from tasks.analyses.answer.relations import GeneRelations


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("gene")(gene)
    app.command("top")(top)


def gene(
    store: StoreArgument,
    gene: Annotated[
        str, typer.Argument(help="Symbol in any case, Entrez or Ensembl id, 'SYMBOL (id)', or an alias.")
    ],
    method: Annotated[
        str | None, typer.Option(help="Judge by this method. Default: the one with the highest pooled r.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Also every fold's scores, all modifiers, all candidates.")
    ] = False,
    paralogs: Annotated[
        list[Path] | None,
        typer.Option("--paralogs", help="Pairs of paralogs, to say which modifiers are. May be repeated."),
    ] = None,
    gene_sets: Annotated[
        list[Path] | None,
        typer.Option("--gene-sets", help="Pathways and complexes, GMT, likewise. `enrich` stores both."),
    ] = None,
    arms: Annotated[
        list[Path] | None,
        typer.Option("--arms", help="Genes with arm or band (17q21.31), such as HGNC's table, likewise."),
    ] = None,
    gene_map: GeneIdsOption = None,
    output: Annotated[str, typer.Option("--format", help="text | json.")] = "text",
) -> None:
    """A verdict on one target in three sentences, then the evidence."""
    if output not in ("text", "json"):
        raise BadInputError(f"--format {output}: unknown; known are text, json")
    from cluster.answers.relating import relations_in_files

    relations = relations_in_files(paralogs or (), gene_sets or (), arms or ())
    show_gene(store, gene, method, full, output, relations, gene_map)


def show_gene(
    store: str,
    name: str,
    method: str | None = None,
    full: bool = False,
    output: str = "text",
    relations: "GeneRelations | None" = None,
    gene_map: Path | None = None,
) -> None:
    """Print what a store knows of one target."""
    from cluster.results.store import Store

    page = Store(store).gene(name, method, relations, gene_map)
    sys.stdout.write(_as_json(page, full) if output == "json" else _as_text(page, full))


def top(
    store: StoreArgument,
    lineage: Annotated[
        str | None,
        typer.Option(
            help="Targets with an r within this lineage (15 lines, not all alike), by how they are predicted "
            "within it."
        ),
    ] = None,
    min_gain: Annotated[
        float | None,
        typer.Option(
            help="At least this gain over lineage and own expression, over all lines (with --lineage, too)."
        ),
    ] = None,
    target_class: Annotated[str | None, typer.Option("--class", help="variable | near 0 | near 1.")] = None,
    max_q: Annotated[float, typer.Option(help="At most this q; 1 for all targets.")] = 0.05,
    method: Annotated[
        str | None, typer.Option(help="Of this method. Default: of each target the one with the highest r.")
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help="Any column of table genes. Default: gain; with --lineage lineage_without_one, the lowest r "
            "within the lineage with one of its lines left out."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows; 0 for all.", min=0)] = 20,
    output: Annotated[str, typer.Option("--format", help="table | csv | json | parquet.")] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file instead.")] = None,
) -> None:
    """The best-predicted targets, without SQL."""
    from cluster.answers.listing import list_text
    from cluster.answers.status import unfinished
    from cluster.formats import KINDS, frame_bytes
    from cluster.results.store import Store

    if output not in KINDS:
        raise BadInputError(f"--format {output}: unknown; known are {', '.join(KINDS)}")
    if output == "parquet" and out is None:
        raise BadInputError("--format parquet: a file is needed; give --out FILE")
    if out is not None:
        check_files("--out", out)
    opened = Store(store)
    rows = opened.top(
        lineage=lineage,
        min_gain=min_gain,
        target_class=target_class,
        max_q=max_q,
        method=method,
        sort=sort,
        limit=limit or None,
    )
    if output == "table" and out is None:
        status = opened.status()
        words = unfinished(status.committed, status.wanted, status.left)
        sys.stdout.write((f"{words}\n\n" if words else "") + list_text(rows, lineage))
    elif out is None:
        sys.stdout.write(frame_bytes(rows, output).decode())
    else:
        write_file("--out", out, frame_bytes(rows, output))


def _as_text(page: "GenePage", full: bool) -> str:
    return repr(page) + (f"\n{_full_text(page)}" if full else "")


def _as_json(page: "GenePage", full: bool) -> str:
    from tasks.analyses.answer.plain import verdict_plain

    body: dict[str, Any] = verdict_plain(page.verdict)
    if full:
        body["tables"] = {
            name: json.loads(getattr(page, name).to_json(orient="records", double_precision=15))
            for name in ("summary", "scores", "modifiers", "followed", "candidates", "failures")
        }
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _full_text(page: "GenePage") -> str:
    """Everything the store holds of the target, method by method."""
    from cluster.formats import frame_text

    blocks = [f"{title}\n{frame_text(frame)}" for title, frame in _sections(page) if len(frame)]
    blocks += [
        f"no result: {unit.method}, fold {unit.fold}: {'; '.join(map(str, errors)) or 'not done yet'}\n"
        for unit, errors in page.missing.items()
    ]
    return "\n".join(blocks)


def _sections(page: "GenePage") -> Sequence[tuple[str, "pd.DataFrame"]]:
    scores = page.scores.drop(columns=["target", "seconds"])
    return (
        ("over all folds", _upright(page.summary.drop(columns=["target", "q_permuted"]))),
        ("scores", scores.drop(columns="reason") if scores["reason"].isna().all() else scores),
        ("modifiers, most chosen first; r, rho and chi-squared are means over the folds", page.modifiers),
        ("genes whose expression the predictions follow; partial: given lineage", _signed(page.followed)),
        ("candidates", page.candidates.drop(columns=["target", "seconds", "reason"])),
        ("failures", page.failures),
    )


def _signed(followed: "pd.DataFrame") -> "pd.DataFrame":
    """Each gene with the sign of its r, which predictions and measured effects share."""
    shown = followed.drop(columns=["target", "rank"])
    shown.insert(2, "sign", ["−" if r < 0 else "+" for r in shown["pearson"]])
    return shown


def _upright(summary: "pd.DataFrame") -> "pd.DataFrame":
    """One row per column of `genes` and one column per method: what is wide and short, readable."""
    import pandas as pd

    methods = summary["method"].tolist()
    values = summary.drop(columns="method").astype(object).T
    return pd.DataFrame(
        {"": values.index, **{m: [_value(v) for v in values[i]] for i, m in enumerate(methods)}}
    )


def _value(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
