"""Every method and preset on the same folds of the real data: the runs, and what they say side by side.

`make results` makes what is missing (some hours on two cores; forests cost seconds a target and fold, so they
run on a random sample of the targets, drawn here) and writes the sections of
docs/results.md from the stores.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cluster import Store
from cluster.errors import StorageError
from cluster.results.compare import compare, headlines
from tasks.errors import BadInputError

WHERE = Path("results")
DRAWN_WITH = 20261121  # seed of the random order whose beginning is every sample
SAMPLES = {"forest": 120, "split": 1000}


@dataclass(frozen=True)
class Run:
    """One `knockcast run` into `results/<store>`; `sample` names how many targets of the random order."""

    store: str
    options: tuple[str, ...]
    sample: str | None = None

    @property
    def arguments(self) -> list[str]:
        """What follows `knockcast`."""
        targets = f"@{sample_file(SAMPLES[self.sample])}" if self.sample else "variable"
        return [
            "run",
            "results/dataset",
            "--store",
            f"results/{self.store}",
            "--targets",
            targets,
            *self.options,
        ]


MODIFIERS = ("--method", "modifiers")
RUNS = (
    Run("store", ("--preset", "quick", "--method", "modifiers", "--method", "ridge", "--method", "kernel")),
    Run("store", ("--preset", "quick", "--method", "latent", "--method", "plain")),
    Run("searched", ("--method", "latent", "--search-architecture", "--no-final")),
    Run("always_lasso", ("--preset", "lasso", *MODIFIERS, "--no-final")),
    Run("always_ridge", ("--preset", "ridge", *MODIFIERS, "--no-final")),
    Run("code", ("--preset", "quick", "--like-the-code", *MODIFIERS, "--no-final")),
    Run("published", ("--preset", "published", *MODIFIERS, "--no-final")),
    Run("store", ("--preset", "quick", "--method", "forest", "--no-final"), "forest"),
    Run(
        "split",
        ("--scheme", "split", "--method", "one_modifier", "--method", "all_modifiers", "--no-final"),
        "split",
    ),
    Run("split", ("--scheme", "split", "--method", "modifiers", "--no-final")),
    Run(
        "lineage",
        (
            "--scheme",
            "lineage",
            "--method",
            "modifiers",
            "--method",
            "ridge",
            "--method",
            "kernel",
            "--no-final",
        ),
        "forest",
    ),
)

# What stands side by side: a name for people, the store, the method in it.
METHODS = (
    ("`modifiers`, preset quick", "store", "modifiers"),
    ("`modifiers`, preset published", "published", "modifiers"),
    ("`modifiers`, always lasso", "always_lasso", "modifiers"),
    ("`modifiers`, always ridge", "always_ridge", "modifiers"),
    ("`modifiers`, quick, like the code", "code", "modifiers"),
    ("`ridge` on all genes", "store", "ridge"),
    ("`kernel` on all genes", "store", "kernel"),
    ("`forest` on all genes", "store", "forest"),
    ("`latent`: shared networks", "store", "latent"),
    ("`latent`, layers searched on fold 0 (not nested)", "searched", "latent"),
    ("`plain`: one network", "store", "plain"),
)


def sample_file(size: int) -> Path:
    """The file that names a sample's targets."""
    return WHERE / f"sample_{size}.txt"


def draw_samples(variable: list[str]) -> None:
    """Write the samples: the first targets of one random order, so that the smaller lie in the larger."""
    order = np.random.default_rng(DRAWN_WITH).permutation(sorted(variable))
    for size in SAMPLES.values():
        sample_file(size).write_text("\n".join(order[:size]) + "\n")


def sections() -> list[str]:
    """The sections of docs/results.md that compare methods."""
    genes = {name: _genes(store, method) for name, store, method in METHODS}
    known = {name: frame for name, frame in genes.items() if len(frame)}
    sizes = sorted({len(frame) for frame in known.values()}, reverse=True)
    tables = [_table(known, size) for size in sizes]
    return [
        "## Methods on the same folds\n\nMade by:\n\n" + _commands() + "\n\n" + "\n\n".join(tables),
        _cost(),
        _searched(),
        _pairs(),
        _split(),
        _lineages(),
    ]


def _store(name: str) -> Store | None:
    try:
        return Store(WHERE / name)
    except (BadInputError, StorageError):
        return None


def _genes(store: str, method: str) -> pd.DataFrame:
    """The method's rows of `genes` that have every fold, by target; empty where there are none."""
    opened = _store(store)
    if opened is None:
        return pd.DataFrame()
    rows = opened.genes().query("method == @method").set_index("target")
    return rows[rows["folds"] == rows["folds"].max()]


def _table(genes: dict[str, pd.DataFrame], size: int) -> str:
    """Scores of every method over the targets that all methods with at least `size` targets share."""
    shown = {name: frame for name, frame in genes.items() if len(frame) >= size}
    targets = sorted(set.intersection(*(set(frame.index) for frame in shown.values())))
    lines = [
        f"Over {len(targets)} targets{_drawn(len(targets))}; "
        "r is a target's mean over the folds, no r counting as 0:\n",
        "| method | r > 0.2 | r > 0.4 | mean r | median r | mean pooled r | better than lineage alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, frame in shown.items():
        mine = frame.loc[targets]
        r, pooled = mine["pearson"].fillna(0), mine["pearson_pooled"].fillna(0)
        better = (pooled > mine["pearson_lineage"].fillna(0)).mean()
        lines.append(
            f"| {name} | {(r > 0.2).sum()} | {(r > 0.4).sum()} | {r.mean():.3f} | {r.median():.3f} | "
            f"{pooled.mean():.3f} | {better:.0%} |"
        )
    return "\n".join(lines)


def _commands() -> str:
    return "\n".join(f"    knockcast {' '.join(run.arguments)}" for run in RUNS)


def _drawn(targets: int) -> str:
    rule = f"the first {targets} of a random order, seed {DRAWN_WITH}"
    return f" ({rule}: `{sample_file(targets)}`)" if sample_file(targets).exists() else ""


def _cost() -> str:
    """Core-seconds of a target and fold, and of each candidate with how often it won."""
    lines = [
        "### What a target and fold costs, and which candidate wins",
        "",
        "Core-seconds, selection and a share of the fold's preparation included, over target-folds with a "
        "model. Other work ran on the machine meanwhile.",
        "",
        "| method | seconds | target-folds with a model |",
        "|---|---|---|",
    ]
    for name, store, method in METHODS:
        if (opened := _store(store)) is None:
            continue
        scores = opened.scores()
        scores = scores[(scores["method"] == method) & (scores["status"] != "no_modifiers")]
        if len(scores):
            lines.append(f"| {name} | {scores['seconds'].mean():.4f} | {len(scores)} |")
    for preset, store in (("published", "published"), ("quick", "store")):
        if (opened := _store(store)) is not None:
            lines += ["", f"Preset `{preset}`:", "", *_candidates(opened)]
    return "\n".join(lines)


def _candidates(store: Store) -> list[str]:
    rows = store.query(
        "SELECT candidate, avg(seconds) AS seconds, avg(chosen::int) AS won, "
        "count(*) FILTER (status = 'failed') AS failed, count(*) FILTER (status = 'not_converged') AS stuck "
        "FROM candidates WHERE method = 'modifiers' AND fold >= 0 GROUP BY 1 ORDER BY won DESC"
    )
    lines = ["| candidate | seconds | wins | failed | not converged |", "|---|---|---|---|---|"]
    lines += [
        f"| {r.candidate} | {r.seconds:.4f} | {r.won:.1%} | {r.failed} | {r.stuck} |"
        for r in rows.itertuples()
    ]
    return lines


def _pairs() -> str:
    """Automatic selection against always taking one candidate, and the rivals against each other."""
    pairs = (
        ("store:modifiers", "always_lasso:modifiers"),
        ("store:modifiers", "always_ridge:modifiers"),
        ("published:modifiers", "always_lasso:modifiers"),
        ("published:modifiers", "always_ridge:modifiers"),
        ("published:modifiers", "store:modifiers"),
        ("store:modifiers", "code:modifiers"),
        ("store:latent", "store:modifiers"),
        ("store:latent", "store:plain"),
        ("store:kernel", "store:latent"),
        ("store:kernel", "store:modifiers"),
        ("store:kernel", "published:modifiers"),
        ("store:kernel", "store:ridge"),
        ("store:kernel", "store:forest"),
        ("store:forest", "published:modifiers"),
    )
    made = [text for first, second in pairs if (text := _pair(first, second))]
    return "## Pair by pair\n\nPrinted by `knockcast compare`.\n\n" + "\n\n".join(made)


def _pair(first: str, second: str) -> str:
    names = [f"{WHERE}/{name}" for name in (first, second)]
    try:
        made = compare(names[0].rpartition(":")[0], *names)
    except (BadInputError, StorageError):
        return ""
    return "```\n" + "\n".join(headlines(made)) + "\n```"


def _searched() -> str:
    """The architectures that were tried for the network between the codes."""
    if (store := _store("searched")) is None:
        return ""
    shown = ["hidden_layers", "units", "weights", "values", "epochs", "validation_loss", "chosen", "seconds"]
    tried = store.searches()[shown]
    return f"### The architectures tried for `latent`, on the training lines of fold 0\n\n{markdown(tried)}"


def _split() -> str:
    """One modifier against all, and what is significant on the test lines."""
    text = _pair("split:all_modifiers", "split:one_modifier")
    if not text:
        return ""
    return (
        f"## One modifier against many\n\nThe same XGBoost, 75/25 split.\n\n{text}\n\n{_significant('split')}"
    )


def _significant(name: str) -> str:
    """How many targets' r over the test lines is above zero beyond chance, for each method of a store."""
    genes = Store(WHERE / name).genes()
    rows = [
        [f"`{method}`", len(mine), (mine["pearson"] > 0.2).sum(), (mine["q_value"] < 0.05).sum()]
        for method, mine in genes.groupby("method")
    ]
    counts = pd.DataFrame(rows, columns=["method", "targets", "r > 0.2", "significant at q < 0.05"])
    return f"On the test lines alone (the first paper: 2886 of some 18 000 targets):\n\n{markdown(counts)}"


def _lineages() -> str:
    """Held-out lineages against random hold-outs of the same size."""
    if (store := _store("lineage")) is None:
        return ""
    return f"## Held-out lineages\n\n{markdown(store.table('lineages'))}"


def markdown(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table."""
    rows = [frame.columns.tolist(), ["---"] * frame.shape[1], *frame.to_numpy(dtype=object).tolist()]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return str(value)
