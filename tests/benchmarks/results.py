"""`make results`: import the real data, run it through Ray, and write docs/results.md from the stores.

`python -m tests.benchmarks.results [STORE]`: with a STORE, only the page is written anew (the run's wall
time and memory are those noted beside the store when it was made).
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from cluster import Store
from cluster.runs.options import chosen_targets
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import target_facts
from tests.benchmarks import shared_results
from tests.benchmarks.compared import RUNS, draw_samples, sections
from tests.benchmarks.measure import Measured, machine, watched

DATA = Path("../shared/data")
WHERE = Path("results")
PAGE, NOTES = Path("docs/results.md"), Path("docs/results-notes.md")
KNOCKCAST = str(Path(sys.executable).with_name("knockcast"))

# Target, modifier the literature expects, and why.
EXPECTED = (
    ("CTNNB1", "AXIN2", "AXIN2 is a transcriptional read-out of active Wnt signalling"),
    ("EBF1", "PAX5", "B-cell lineage factors act together"),
    ("SOX10", "SOX10", "melanoma lineage factor, own expression"),
    ("TP63", "TP63", "squamous lineage factor, own expression"),
    ("FLT3", "FLT3", "leukaemia oncogene, own expression"),
    ("MYCN", "MYCN", "neuroblastoma oncogene, own expression"),
    ("PAX5", "PAX5", "B-cell lineage factor, own expression"),
    ("ESR1", "ESR1", "breast hormone receptor, own expression"),
    ("SMARCA2", "SMARCA4", "paralogs: loss of SMARCA4 makes SMARCA2 essential"),
    ("STAG1", "STAG2", "paralogs: loss of STAG2 makes STAG1 essential"),
    ("MDM2", "CDKN1A", "p53 target gene: MDM2 is essential where p53 works"),
)


def make_store(store: Path) -> None:
    """Import and run, and note beside the store what each command cost."""
    dataset = WHERE / "dataset"
    named = {"effect": "gene_dependency_level_22q1", "expression": "expression", "models": "models"}
    files = [
        part for option, name in named.items() for part in (f"--{option}", str(DATA / f"{name}.parquet"))
    ]
    if not dataset.exists():
        note("import", watched([KNOCKCAST, "import", *files, "--out", str(dataset)]))
    asked = ["--targets", "variable", "--preset", "quick", "--method", "modifiers"]
    run = ["run", str(dataset), "--store", str(store), *asked]
    note("run", watched([KNOCKCAST, *run]))
    opened = Dataset.open(dataset)
    classes = target_facts(opened).column("class").to_pylist()
    draw_samples(chosen_targets(opened, classes, "variable"))
    for one in RUNS:
        watched([KNOCKCAST, *one.arguments])
    for command in shared_results.commands():
        watched([KNOCKCAST, *command])


def note(name: str, measured: Measured) -> None:
    """Keep a command's cost with the date and the machine."""
    WHERE.mkdir(exist_ok=True)
    body = {
        "command": measured.command,
        "seconds": measured.seconds,
        "peak_bytes": measured.peak_bytes,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
    }
    (WHERE / f"{name}.json").write_text(json.dumps(body, indent=1))


def page(store: Store) -> str:
    """The whole of docs/results.md."""
    genes = store.genes().query("method == 'modifiers'")
    parts = [
        "# Results on real data",
        "Written by `make results` from a store. The target here is an **ordinal dependency level** "
        "(0 weak, 1 dependency, 2 strong; DepMap 22Q1, discretised by its source), **not a gene effect**: r "
        "with it are lower than with a continuous effect and cannot be compared with the published ones. "
        "Expression is a panel of 535 mostly cancer-related genes, complete on 983 cell lines. "
        "Sources: `../shared/data/README.md`.",
        costs(),
        headlines(store, genes),
        best(store, genes),
        expected(store, genes),
        *sections(),
        *shared_results.sections(),
        NOTES.read_text().strip() if NOTES.exists() else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def costs() -> str:
    """What the run took."""
    noted = {name: json.loads((WHERE / f"{name}.json").read_text()) for name in ("import", "run")}
    run = noted["run"]
    lines = [
        f"## Cost\n\n{run['date']}, {run['machine']}.\n",
        "| command | wall time | peak memory |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{n['command']}` | {n['seconds']:.1f} s | {n['peak_bytes'] / 2**30:.2f} GiB |"
        for n in noted.values()
    ]
    return "\n".join([*lines, "\nMemory: proportional set size of all processes together, Ray included."])


def headlines(store: Store, genes: pd.DataFrame) -> str:
    """Counts over all targets."""
    r, pooled = genes["pearson"].fillna(0), genes["pearson_pooled"].fillna(0)
    lineage = genes["pearson_lineage"].fillna(0)
    with_modifiers = store.query(
        "SELECT avg((n_modifiers > 0)::int) AS share FROM scores WHERE method = 'modifiers'"
    )["share"][0]
    rows = [
        ("targets (sd > 0.1)", len(genes)),
        ("target-folds with modifiers", f"{with_modifiers:.1%}"),
        ("mean fold r > 0.2", int((r > 0.2).sum())),
        ("mean fold r > 0.4", int((r > 0.4).sum())),
        ("mean of mean fold r (no r counts as 0)", f"{r.mean():.3f}"),
        ("median of mean fold r", f"{r.median():.3f}"),
        ("pooled r > 0.2", int((pooled > 0.2).sum())),
        ("mean pooled r", f"{pooled.mean():.3f}"),
        ("mean pooled r of the lineage's mean alone", f"{lineage.mean():.3f}"),
        ("targets that the lineage's mean alone forecasts better", int((lineage > pooled).sum())),
        ("significant at q < 0.05 (all targets of the run)", int((genes["q_value"] < 0.05).sum())),
        ("gain > 0 over lineage only and own expression", int((genes["gain"] > 0).sum())),
        ("gain > 0.05", int((genes["gain"] > 0.05).sum())),
    ]
    winners = store.query(
        "SELECT model, count(*) AS n FROM scores WHERE method = 'modifiers' "
        "GROUP BY model ORDER BY n DESC, model"
    )
    won = ", ".join(f"{row.model} {row.n}" for row in winners.itertuples())
    table = "\n".join(f"| {what} | {value} |" for what, value in rows)
    return f"## Headlines\n\n| | |\n|---|---|\n{table}\n\nModel of each target-fold: {won}."


def best(store: Store, genes: pd.DataFrame) -> str:
    """The ten best-predicted targets and their modifiers."""
    lines = [
        "## The ten best-predicted targets",
        "",
        "| target | mean fold r | pooled r (95 %) | lineage only | own "
        "expression | gain | stability | modifiers (Pearson r with the level; folds of 5) |",
        "|" + "---|" * 8,
    ]
    lines += [
        f"| {row.target} | {row.pearson:.3f} | {row.pearson_pooled:.3f} ({row.pearson_low:.3f} – "
        f"{row.pearson_high:.3f}) | {_number(row.pearson_lineage)} | {_number(row.pearson_own)} | "
        f"{_number(row.gain)} | {_number(row.stability)} | {_modifiers(store, row.target)} |"
        for row in genes.nlargest(10, "pearson_pooled").itertuples()
    ]
    return "\n".join(lines)


def _modifiers(store: Store, target: str) -> str:
    found = (
        store.modifiers(target)
        .groupby("modifier")
        .agg(folds=("fold", "nunique"), rank=("rank", "mean"), pearson=("pearson", "mean"))
    )
    top = found.sort_values(["folds", "rank"], ascending=[False, True]).head(5)
    return ", ".join(f"{name} ({row.pearson:+.2f}; {row.folds:.0f})" for name, row in top.iterrows())


def expected(store: Store, genes: pd.DataFrame) -> str:
    """Known biology: was the expected modifier found, and where."""
    lines = [
        "## Known biology",
        "",
        "| target | expected modifier | why | folds found (of 5) | best rank | "
        "Pearson r with the level | pooled r of the model |",
        "|" + "---|" * 7,
    ]
    genes = genes.set_index("target")
    panel = set(Dataset.open(WHERE / "dataset").genes)
    for target, modifier, why in EXPECTED:
        if target not in genes.index:
            lines.append(f"| {target} | {modifier} | {why} | not a target of this run (sd ≤ 0.1) | | | |")
            continue
        found = store.modifiers(target).query("modifier == @modifier")
        where = (
            f"{len(found)} | {found['rank'].min()} | {found['pearson'].mean():+.2f}"
            if len(found)
            else ("0 | – | –" if modifier in panel else "not in the expression panel | – | –")
        )
        lines.append(
            f"| {target} | {modifier} | {why} | {where} | {_number(genes.loc[target, 'pearson_pooled'])} |"
        )
    return "\n".join(lines)


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def main() -> None:
    """Make the store unless one is named, and write the page."""
    store = Path(sys.argv[1]) if len(sys.argv) > 1 else WHERE / "store"
    if len(sys.argv) == 1:
        if not DATA.is_dir():
            sys.exit(f"the real data is not at {DATA}: nothing was run and {PAGE} stays as it is")
        make_store(store)
    PAGE.write_text(page(Store(store)))
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
