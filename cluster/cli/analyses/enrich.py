"""`knockcast enrich`: paralogs and pathways among modifiers, in words and as tables of the store."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.arguments import StoreArgument
from cluster.outputs import check_files, write_file

if TYPE_CHECKING:
    import pandas as pd

    from cluster.results.biology.enrich import Enriched

TABLES = (".csv", ".json", ".parquet")
SHOWN = 10  # rows of each list that are printed
ROUNDED = frozenset({"expected", "p_value", "q_value"})
WIDEST = 60  # letters of a list of genes
PARALOGS = "paralogs of the target"  # as tasks.analyses.enrichment names them
SET_COLUMNS = (
    "collection",
    "gene_set",
    "size",
    "drawn",
    "overlap",
    "expected",
    "p_value",
    "q_value",
    "genes",
)


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("enrich")(enrich)


def enrich(
    store: StoreArgument,
    gene_sets: Annotated[
        list[Path] | None,
        typer.Option("--gene-sets", help="Gene sets, GMT (.gz too). May be given several times."),
    ] = None,
    paralogs: Annotated[
        list[Path] | None,
        typer.Option(
            "--paralogs",
            help="Pairs of paralogs: .csv, .tsv or .parquet with two columns of symbols. Likewise.",
        ),
    ] = None,
    top: Annotated[
        int, typer.Option(help="So many targets with the highest r (pearson_pooled).", min=1)
    ] = 100,
    targets: Annotated[
        str | None, typer.Option(help="These instead of the top: G1,G2 or @FILE with one a line.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="Whose modifiers. Default: `modifiers`, if it is there.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The table `enrichment`: .csv, .json, .parquet.")
    ] = None,
) -> None:
    """Paralogs and pathways among the modifiers of targets, against chance.

    The rows become tables `enrichment` and `enrichment_counts` of the store; `relations` then says how each
    modifier is related to its target.
    """
    typer.echo(enrich_in_words(store, gene_sets or (), paralogs or (), top, targets, method, out))


def enrich_in_words(
    store: str,
    gene_sets: Sequence[Path] = (),
    paralogs: Sequence[Path] = (),
    top: int = 100,
    targets: str | None = None,
    method: str | None = None,
    out: Path | None = None,
) -> str:
    """What `knockcast enrich` prints; with `out`, the table `enrichment` goes to that file, too."""
    from cluster.cli.analyses.compare import known_targets
    from cluster.formats import frame_bytes
    from cluster.results.biology.enrich import enrich as look
    from cluster.results.biology.enrich import keep_enriched, read_knowledge
    from cluster.store.reader import StoreReader

    if out is not None:
        check_files("--out", out, endings=TABLES)
    reader = StoreReader.open(store)
    known = read_knowledge(gene_sets, paralogs)
    wanted = None if targets is None else known_targets(store, targets)
    made = look(reader, known, top, wanted, method)
    unscored = set() if wanted is None else set(wanted) - set(made.lists.symbols)
    lines = [*(count_in_words(row) for row in made.found.counts), "", *_lists(made)]
    if unscored:
        lines.append(f"left out, not scored by {made.method}: {', '.join(sorted(unscored))}")
    if out is not None:
        write_file("--out", out, frame_bytes(made.frame("enrichment"), out.suffix.lstrip(".")))
        lines.append(f"{out}: one row per list and set")
    kept = keep_enriched(reader, made)
    return "\n".join(
        [*lines, kept.line() + ("; --out F keeps the rows" if kept.why_not and out is None else "")]
    )


def count_in_words(row: dict[str, Any]) -> str:
    """One collection's answer in one sentence."""
    chance = f"by chance {row['expected']:.1f}, p = {row['p_value']:.3g} in {row['draws']} draws"
    if row["kind"] == "gene sets":
        answer = f"the modifiers of {row['found']} of {row['targets']} targets are enriched for a gene set"
        return f"{row['collection']}: {answer} at q < 0.05 ({chance} from {row['universe']} genes)"
    answer = f"a paralog is among the modifiers of {row['found']} of the {row['tested']} targets"
    those = f"(of {row['targets']}) that have one among the {row['universe']} genes"
    others = (
        f"with the modifiers of other targets {row['expected_shuffled']:.1f}, p = {row['p_shuffled']:.3g}"
    )
    return f"{row['collection']}: {answer} {those} ({chance}; {others})"


def _lists(made: "Enriched") -> list[str]:
    """The paralogs found, and the strongest rows of each list of genes."""
    rows = made.frame("enrichment").sort_values(["p_value", "collection", "gene_set", "target"])
    pairs = rows[(rows["gene_set"] == PARALOGS) & (rows["overlap"] > 0)]
    rows = rows[rows["gene_set"] != PARALOGS]
    modelled = len(made.lists.modelled)
    titled = (
        ("Paralogs among the modifiers:", pairs, ["target", "collection", "genes"]),
        ("Modifiers of single targets:", rows[rows["of"] == "modifiers"], ["target", *SET_COLUMNS]),
        ("Modifiers of all these targets together:", rows[rows["of"] == "all modifiers"], SET_COLUMNS),
        (f"The targets themselves, among {modelled} modelled:", rows[rows["of"] == "targets"], SET_COLUMNS),
    )
    return [line for title, some, columns in titled for line in _block(title, some, columns)]


def _block(title: str, rows: "pd.DataFrame", columns: Sequence[str]) -> list[str]:
    """A title and the first rows, rounded; nothing where there is none."""
    from cluster.formats import frame_text

    if rows.empty:
        return []
    shown = rows.head(SHOWN)[list(columns)].copy()
    for name in ROUNDED.intersection(columns):
        shown[name] = [float(f"{value:.3g}") for value in shown[name]]
    shown["genes"] = [text if len(text) <= WIDEST else text[: WIDEST - 3] + "..." for text in shown["genes"]]
    more = len(rows) - len(shown)
    rest = [f"... and {more} more in table `enrichment`"] if more else []
    return [title, "", *frame_text(shown).splitlines(), *rest, ""]
