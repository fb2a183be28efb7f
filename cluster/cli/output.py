"""`knockcast figures` and `predict`: files made from a store."""

from pathlib import Path
from typing import Annotated

import typer

from cluster.arguments import GeneIdsOption, StoreArgument
from cluster.outputs import cannot_write, check_folder
from tasks.errors import BadInputError

# The options of `predict`.
SamplesArgument = Annotated[
    Path,
    typer.Argument(
        help="Samples x genes or genes x samples, log2(TPM+1) or TPM: .csv, .tsv, .txt (.gz), "
        ".parquet, .h5ad."
    ),
]
PredictionsOption = Annotated[
    Path, typer.Option("--out", help="Samples x targets, .csv or .parquet. Others are written beside it.")
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        help="Whose final models, of those `run` stored; drugs ranks drugs. auto, the default: that "
        "which is best on average, but for a target that another predicts clearly better, that one."
    ),
]
LongOption = Annotated[
    bool,
    typer.Option(
        "--long",
        help="A row for each sample and target: predicted, low, high, percentile, rank, trust, method.",
    ),
]
IntervalOption = Annotated[
    float | None,
    typer.Option(
        "--interval",
        help="Also intervals that hold the truth for this share of new lines: in F.low and F.high, or in "
        "the rows of --long. Such as 0.9, the default of --long.",
    ),
]
UnitOption = Annotated[
    str,
    typer.Option(help="auto | tpm | log2tpm | counts. auto finds it out, says so, and converts TPM."),
]
OrientationOption = Annotated[
    str, typer.Option(help="What the rows are: auto | samples | genes. auto finds it out by the names.")
]
MatchOption = Annotated[
    bool,
    typer.Option(
        "--match",
        help="Quantile matching: each sample gets the training lines' distribution of values. For "
        "tumours, and for other units than TPM.",
    ),
]
MatchGenesOption = Annotated[
    bool,
    typer.Option(
        "--match-genes",
        help="Then also each gene's distribution over the samples. Takes 30 samples of many kinds: what "
        "all have in common is taken away.",
    ),
]
FillMissingOption = Annotated[
    bool,
    typer.Option(
        "--fill-missing",
        help="Genes that samples lack get their mean over the training lines, and count.",
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Write over files, and score samples that would be refused.")
]
HigherIsSensitiveOption = Annotated[
    bool,
    typer.Option(
        "--higher-is-sensitive",
        help="Of method drugs: a high response means a sensitive line (an activity area; not an AUC).",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("figures")(figures)
    app.command("predict")(predict)


def figures(
    store: StoreArgument,
    out: Annotated[
        Path, typer.Option("--out", help="The folder to write NAME.html (.svg, ...) and NAME.csv into.")
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="classes | components | controls | drugs | gain | histogram | lineage_errors | lineages | "
            "methods | model_types | modifiers | one_many | pathways | profiles | tests | tissues. "
            "Default: all the store has data for.",
        ),
    ] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format", help="html (interactive), svg, png (300 dpi), pdf: one or several, with commas."
        ),
    ] = "html",
) -> None:
    """Figures of a store, as pages that work offline or for print, and the numbers they show."""
    typer.echo(write_figures(store, name, out, formats))


def predict(
    store: StoreArgument,
    expression: SamplesArgument,
    out: PredictionsOption,
    method: MethodOption = None,
    long: LongOption = False,
    interval: IntervalOption = None,
    unit: UnitOption = "auto",
    orientation: OrientationOption = "auto",
    gene_ids: GeneIdsOption = None,
    match: MatchOption = False,
    match_genes: MatchGenesOption = False,
    fill_missing: FillMissingOption = False,
    force: ForceOption = False,
    higher_is_sensitive: HigherIsSensitiveOption = False,
) -> None:
    """Score new samples with the final models; beside them: samples' fit, targets' trust, missing genes.

    What the samples are (unit, orientation, ids) is found out and said. F.samples flags those unlike the
    training lines.
    """
    from cluster.cli.steps import steps_shown
    from tasks.methods.registry import is_known, method_named
    from tasks.samples.prepare import Reading

    reading = Reading(unit, orientation, fill_missing, match, match_genes, force)
    if method is not None and is_known(method) and method_named(method).ranks_drugs:
        from cluster.results.rank_drugs import rank_file

        is_wrong = long or interval is not None
        wrong = ["--long and --interval: not with --method drugs, whose table is long"] if is_wrong else []
        typer.echo(rank_file(store, expression, out, higher_is_sensitive, reading, gene_ids, wrong))
        return
    from cluster.results.prediction_files import predict_file

    wrong = ["--higher-is-sensitive: only with --method drugs"] if higher_is_sensitive else []
    with steps_shown() as on_step:
        said = predict_file(store, expression, out, method, interval, long, reading, gene_ids, on_step, wrong)
    typer.echo(said)


def write_figures(store: str, name: str | None, out: Path, formats: str = "html") -> str:
    """Write one figure of a store, or all it has data for, into a folder; returns what is printed.

    Raises BadInputError for an unknown name, a store without the data asked for, and a folder that cannot be
    written.
    """
    from cluster.figures.page import FORMATS, write_drawn
    from cluster.figures.registry import FIGURES
    from cluster.store.reader import StoreReader

    if name is not None and name not in FIGURES:
        raise BadInputError(
            f"figure {name!r}: there is none; known are {', '.join(FIGURES)} "
            "(two methods against each other: knockcast compare STORE A B --figure F.html)"
        )
    wanted = list(dict.fromkeys(part.strip() for part in formats.split(",") if part.strip()))
    if unknown := [kind for kind in wanted if kind not in FORMATS]:
        raise BadInputError(f"--format {', '.join(unknown)}: unknown; known are {', '.join(FORMATS)}")
    if not wanted:
        raise BadInputError(f"--format: none is named; known are {', '.join(FORMATS)}")
    reader = StoreReader.open(store)
    check_folder("--out", out)
    drawn = {kind: FIGURES[kind].draw(reader) for kind in ([name] if name else FIGURES)}
    missing = [
        f"{kind}: {store} holds no {FIGURES[kind].requires}" for kind, made in drawn.items() if made is None
    ]
    if len(missing) == len(drawn):
        raise BadInputError(missing)
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths = [
            path for kind, made in drawn.items() if made for path in write_drawn(made, out, kind, wanted)
        ]
    except OSError as error:
        raise cannot_write("--out", out, error) from None
    return "\n".join([*map(str, paths), *(f"left out: {line}" for line in missing)])
