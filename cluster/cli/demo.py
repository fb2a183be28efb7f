"""`knockcast demo`: from nothing to a store, with one command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.cli.answers import best_targets, print_best
from cluster.cli.data import import_dataset, simulate_files
from cluster.cli.report import write_report
from cluster.cli.run import with_options
from cluster.errors import ExitCode
from cluster.outputs import check_folder
from cluster.store.units import FINAL_FOLD

if TYPE_CHECKING:
    import pandas as pd

    from cluster.results.store import Store

LINES, GENES = 400, 600
SMALL_LINES, SMALL_GENES, SMALL_FOLDS = 60, 60, 2
SHOWN = 15  # of the best-predicted targets
SHOWN_OTHERS = 5  # modifiers that were found and not planted


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("demo")(with_options(demo, ["workers"]))


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the demo lives; run again to resume it.")] = Path(
        "knockcast-demo"
    ),
    small: Annotated[
        bool,
        typer.Option("--small", help=f"{SMALL_LINES} cell lines x {SMALL_GENES} genes: done in seconds."),
    ] = False,
    **options: Any,
) -> None:
    """Simulate a release, model it on Ray and show the best-predicted genes."""
    raise typer.Exit(run_demo(out, small, **options))


def run_demo(out: Path, small: bool = False, **where: Any) -> ExitCode:
    """Simulate, import, run and show; every step that `out` already holds is taken as it is."""
    from cluster.execution.run import run_request
    from cluster.results.store import Store
    from cluster.runs.request import request_of

    check_folder("--out", out)
    release, dataset, path = out / "release", out / "dataset", out / "store"
    size = (SMALL_LINES, SMALL_GENES) if small else (LINES, GENES)
    folds = {"folds": SMALL_FOLDS} if small else {}
    if not release.exists():
        simulate_files(release, cell_lines=size[0], genes=size[1], layout="24Q4", seed=0)
    if not dataset.exists():
        import_dataset(release, dataset)
    outcome = run_request(request_of(dataset, path, **folds, **where))
    if outcome.interrupted:
        return outcome.exit_code
    genes = Store(path).genes()
    print_best(genes, SHOWN)
    print_planted(release / "truth.parquet", Store(path), best_targets(genes, 1)["target"][0])
    write_report(str(path), out / "report.html")
    print(f"\nThe report, a page for the browser: {out / 'report.html'}")
    print(f"\nThe store is {path}. Ask it:")
    print("\n".join(f"  {_command()} {question}" for question in _questions(path, genes)))
    return outcome.exit_code


def print_planted(truth: Path, store: "Store", target: str) -> None:
    """Print the modifiers that the simulation planted for a target, beside those that were found."""
    import pandas as pd

    from cluster.formats import frame_text

    if not truth.is_file():  # the user has moved the release
        return
    planted = pd.read_parquet(truth, filters=[("target", "==", target)])
    found = store.modifiers(target)
    found = found[(found["method"] == "modifiers") & (found["fold"] != FINAL_FOLD)]
    rows = planted_beside_found(planted, found)
    print(f"\nThis release is simulated, so the truth is known. What modifies {target}:\n")
    print(frame_text(rows) if len(rows) else "nothing was planted, and nothing found\n", end="")
    print(f"\n{truth} has all that was planted, a row for each target and modifier.")


def planted_beside_found(planted: "pd.DataFrame", found: "pd.DataFrame") -> "pd.DataFrame":
    """One row for each modifier that was planted, the strongest first, then for others found in most folds.

    `planted` are a target's rows of the truth, `found` those of table `modifiers`, without final models. A
    planted weight above 0 raises the gene effect, so the target is needed more where the modifier is low.
    """
    import pandas as pd

    from cluster.answers.gather import direction_of

    def words(r: float) -> str:
        return f"needed more where {direction_of(r, 'effect')}"

    folds, r = found.groupby("modifier")["fold"].nunique(), found.groupby("modifier")["pearson"].mean()
    true = planted.reindex(planted["weight"].abs().sort_values(ascending=False, kind="stable").index)
    planted_as = {gene: words(sign) for gene, sign in zip(true["modifier"], true["sign"], strict=True)}
    others = folds[~folds.index.isin(list(planted_as)) & (folds > found["fold"].nunique() / 2)]
    others = others.sort_values(ascending=False, kind="stable").head(SHOWN_OTHERS)
    genes = [*planted_as, *others.index]
    return pd.DataFrame(
        {
            "gene": genes,
            "planted": [planted_as.get(gene, "not planted") for gene in genes],
            "found": [words(r[gene]) if gene in r.index else "not found" for gene in genes],
            "folds": [int(folds.get(gene, 0)) for gene in genes],
            "r": [float(r.get(gene, float("nan"))) for gene in genes],
        }
    )


def _questions(store: Path, genes: "pd.DataFrame") -> list[str]:
    """What to ask of the store next, ready to be copied."""
    asked = [
        f'query {store} "FROM genes ORDER BY gain DESC LIMIT 5"',
        f"gene {store} {best_targets(genes, 1)['target'][0]}",
        f"explain {store} {best_targets(genes, 1)['target'][0]} --out {store.parent / 'explained'}",
    ]
    methods = genes["method"].unique().tolist()
    asked += [f"compare {store} {methods[0]} {other}" for other in methods[1:]]
    return [*asked, f"explore {store}"]


def _command() -> str:
    """How the user called us, to be copied for the next command."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{sys.executable} -m cluster"
    return str(called.with_name("knockcast")) if "/" in sys.argv[0] else "knockcast"
