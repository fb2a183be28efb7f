"""The groups that help lists commands in, and the examples that each command's help ends with."""

import typer

START, RUN, ASK, SHOW, APPLY, KEEP = (
    "Data",
    "Model",
    "Ask",
    "See",
    "Apply to other samples",
    "Look after a store",
)
# Of each command: its group, and examples without the program's name.
EXAMPLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "demo": (START, ("demo", "demo --small --workers 0")),
    "import": (
        START,
        (
            "import depmap_24Q4 --out depmap.dataset",
            "import --effect effect.csv --expression tpm.csv.gz --models lines.csv --out my.dataset",
        ),
    ),
    "simulate": (START, ("simulate --out release --cell-lines 600 --genes 1000",)),
    "describe": (START, ("describe depmap.dataset",)),
    "plan": (
        RUN,
        (
            "plan depmap.dataset",
            "plan depmap.dataset --method best --targets variable --calibrate",
            "plan depmap.dataset --calibrate --address auto --store s3://bucket/depmap.store --price 2.5",
        ),
    ),
    "run": (
        RUN,
        (
            "run depmap.dataset --store depmap.store",
            "run depmap.dataset --store depmap.store --method best --targets variable --workers 8",
            "run depmap.dataset --store held-out.store --scheme lineage",
        ),
    ),
    "resume": (RUN, ("resume depmap.store", "resume depmap.store --retry-failed")),
    "submit": (
        RUN,
        (
            "submit --address http://head:8265 -- run /data/depmap.dataset --store /data/depmap.store",
            "submit --address http://head:8265 --detach -- resume s3://bucket/depmap.store",
            "submit --address http://head:8265 --list",
            "submit --address http://head:8265 --attach knockcast-20261129-042155-1a2b3c",
        ),
    ),
    "gene": (
        ASK,
        (
            "gene depmap.store CTNNB1",
            "gene depmap.store 1499 --method modifiers --full",
            "gene depmap.store SMARCA2 --paralogs paralogs.csv --gene-sets KEGG.gmt --format json",
        ),
    ),
    "top": (
        ASK,
        (
            "top depmap.store",
            "top depmap.store --lineage breast --min-gain 0.1",
            "top depmap.store --sort pearson_pooled --limit 100 --format csv --out top.csv",
        ),
    ),
    "query": (
        ASK,
        (
            'query depmap.store "SHOW TABLES"',
            'query depmap.store "DESCRIBE genes"',
            'query depmap.store "FROM genes ORDER BY gain DESC LIMIT 20" --format csv --out genes.csv',
        ),
    ),
    "explain": (ASK, ("explain depmap.store CTNNB1 --out ctnnb1",)),
    "enrich": (ASK, ("enrich depmap.store --gene-sets KEGG.gmt --paralogs paralogs.csv --top 100",)),
    "compare": (
        ASK,
        (
            "compare depmap.store best modifiers --figure best.html",
            "compare depmap.store best other.store:best --targets @genes.txt",
        ),
    ),
    "validate": (ASK, ("validate depmap.store other.dataset --method best",)),
    "figures": (SHOW, ("figures depmap.store --out figures", "figures depmap.store histogram --out figures")),
    "report": (SHOW, ("report depmap.store --out report.html",)),
    "explore": (SHOW, ("explore depmap.store",)),
    "predict": (
        APPLY,
        (
            "predict depmap.store my_samples.csv --out predictions.csv",
            "predict depmap.store my_samples.csv --out predictions.csv --long --interval 0.9",
        ),
    ),
    "tissues": (APPLY, ("tissues depmap.store predictions.csv --groups cohorts.csv",)),
    "status": (KEEP, ("status depmap.store",)),
    "verify": (KEEP, ("verify depmap.store", "verify depmap.store --repair")),
    "gc": (KEEP, ("gc depmap.store",)),
    "export": (KEEP, ("export depmap.store --out tables --format parquet",)),
}
ORDER = (START, RUN, ASK, SHOW, APPLY, KEEP)


def add_examples(app: typer.Typer) -> None:
    """Give every command of the application its group and examples, and list them in the order above."""
    for command in app.registered_commands:
        group, examples = EXAMPLES.get(command.name or "", ("Other", ()))
        command.rich_help_panel = group
        if examples:
            lines = ["Examples:", *(f"  knockcast {example}" for example in examples)]
            command.epilog = "\n\n".join(lines)
    place = {name: at for at, name in enumerate(EXAMPLES)}
    app.registered_commands.sort(key=lambda command: place.get(str(command.name), len(place)))
