"""Part B on the real data: shared networks, profiles, drugs, gene classes: sections of docs/results.md."""

from pathlib import Path

import pandas as pd

from cluster import Store
from cluster.errors import StorageError
from cluster.figures.registry import FIGURES
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError
from tasks.tables.schemas import RECONSTRUCTION
from tests.benchmarks.compared import markdown

WHERE, DATA = Path("results"), "../shared/data"
LEVELS = ("--effect", f"{DATA}/gene_dependency_level_22q1.parquet", "--models", f"{DATA}/models.parquet")
PANEL = ("--expression", f"{DATA}/expression.parquet")
DRUG_TARGETS = ("--drug-targets", f"{DATA}/drug_targets.parquet")

# Datasets beside the main pair, and what is run on each.
IMPORTS = {
    "ctrp": (*PANEL, "--drug-response", f"{DATA}/drug_response_ctrp_auc.parquet", *DRUG_TARGETS),
    "prism": (
        *PANEL,
        "--drug-response",
        f"{DATA}/drug_response_prism_secondary_auc_89.parquet",
        *DRUG_TARGETS,
    ),
    "array": ("--expression", f"{DATA}/expression_ccle_array_7k_83lines.parquet"),
    "breast": ("--expression", f"{DATA}/expression_breast_rnaseq_marcotte.parquet"),
}
PROFILES = (
    ("store", "the panel"),
    ("array", "arrays (`expression_ccle_array_7k_83lines`)"),
    ("breast", "breast lines (`expression_breast_rnaseq_marcotte`)"),
)
DRUGS = (("ctrp", "CTRP"), ("prism", "PRISM secondary"))
RUNS = (
    ("run", "results/dataset", "--store", "results/store", "--method", "profiles", "--no-final"),
    *(
        ("run", f"results/dataset_{name}", "--store", f"results/{name}", "--method", "profiles", "--no-final")
        for name in ("array", "breast")
    ),
    *(
        ("run", f"results/dataset_{name}", "--store", f"results/{name}", "--method", "drugs")
        for name, _ in DRUGS
    ),
)

NETWORKS_SAY = """## The shared networks

Means over five folds. r of what each network gives back of held-out lines: per cell line over genes as they
are (`lines_uncentred`, the paper's way: 0.94 and 0.82 there), per cell line less each gene's training mean
(`lines`), per gene over lines (`genes`); `lines_uncentred_train` is of the training lines. `code` and `plain`
give dependency from expression alone. From `knockcast query results/store "FROM networks"`."""

PROFILES_SAY = """## Profiles: a gene's dependency across lines from its expression across the same lines

ACC: r per cell line over held-out genes, mean over lines, then folds (the paper: 0.55 ols, 0.57 ridge, 0.60
network, 0.61 CCA + network; Spearman 0.37 to 0.39; first canonical correlation 0.74 over 630 lines and some
17 000 genes). `mean expression` knows of a gene its mean expression alone."""

DRUGS_SAY = """## Drugs

`ridge` and `network`: a new drug's response across lines from its target genes, folds over drugs (ACC 0.36 to
0.40 in the paper). `ranking`: a new cell line's response to every drug from its expression, folds over lines;
there r over the drugs of one line is less each drug's mean. `line_mean` knows no target: each line's mean
over the training drugs."""

CLASSES_SAY = """## Classes of genes

{told} of {count} (the paper: 4902 variable, 12 500 near 0, 837 near 1, on dependency probabilities; here
levels, cut at 1). Mean against sd: `knockcast figures results/store classes --out DIR`."""


def commands() -> list[tuple[str, ...]]:
    """What follows `knockcast`, in order."""
    imports = [
        ("import", *LEVELS, *more, "--out", f"results/dataset_{name}")
        for name, more in IMPORTS.items()
        if not (WHERE / f"dataset_{name}").exists()
    ]
    return [*imports, *RUNS]


def sections() -> list[str]:
    """The sections of docs/results.md on part B."""
    return [text for text in (_networks(), _profiles(), _drugs(), _classes()) if text]


def opened(name: str) -> Store | None:
    """The store of that name; None where it was not made."""
    try:
        return Store(WHERE / name)
    except (BadInputError, StorageError):
        return None


def _networks() -> str:
    store = opened("store")
    rows = pd.DataFrame() if store is None else store.networks()
    rows = rows[(rows["fold"] >= 0) & rows["method"].isin(["latent", "plain"])] if len(rows) else rows
    if not len(rows):
        return ""
    rows = rows.assign(layers=["-".join(map(str, layers)) for layers in rows["layers"]])
    columns = ["epochs", "best_epoch", *RECONSTRUCTION, "lines_uncentred_train", "seconds"]
    shapes = rows.groupby(["method", "network"])["layers"].agg(lambda each: ", ".join(sorted(set(each))))
    means = shapes.to_frame().join(rows.groupby(["method", "network"])[columns].mean()).reset_index()
    return f"{NETWORKS_SAY}\n\n{markdown(means)}"


def _profiles() -> str:
    parts = [
        f"### On {what}: {_size(store)}\n\n{_first(store)}\n\n{markdown(rows)}"
        for name, what in PROFILES
        if (store := opened(name)) is not None and len(rows := _acc(store, "profiles"))
    ]
    return "\n\n".join([PROFILES_SAY, *parts]) if parts else ""


def _drugs() -> str:
    parts = [
        f"### {what}\n\n{markdown(rows)}"
        for name, what in DRUGS
        if (store := opened(name)) is not None and len(rows := _acc(store, "drugs"))
    ]
    return "\n\n".join([DRUGS_SAY, *parts]) if parts else ""


def _acc(store: Store, method: str) -> pd.DataFrame:
    """Mean over what was tested, then over folds."""
    rows = store.profile_scores()
    by = ["axis", "features", "model"]
    mine = rows[rows["method"] == method].groupby([*by, "fold"])[["pearson", "spearman"]]
    folds = mine.mean().assign(tested_per_fold=mine.size())
    return folds.groupby(by).mean().reset_index()


def _first(store: Store) -> str:
    rows = store.components()
    if not len(rows):
        return "No canonical components."
    first = rows[rows["component"] == rows["component"].min()]
    train, test = first["pearson_train"].mean(), first["pearson"].mean()
    return f"First canonical correlation: {train:.3f} on training genes, {test:.3f} on held-out ones."


def _size(store: Store) -> str:
    rows = store.profile_scores().query("method == 'profiles'")
    names = {axis: rows[rows["axis"] == axis]["name"].nunique() for axis in ("gene", "cell_line")}
    return f"{names['gene']} genes, {names['cell_line']} cell lines"


def _classes() -> str:
    if opened("store") is None:
        return ""
    drawn = FIGURES["classes"].draw(StoreReader.open(WHERE / "store"))
    if drawn is None:
        return ""
    counts = drawn.numbers["class"].value_counts()
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    return CLASSES_SAY.format(told=told, count=len(drawn.numbers))
