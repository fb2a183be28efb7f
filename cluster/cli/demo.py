"""`knockcast demo`: from nothing to a store, with one command."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cluster.cli.answers import best_targets, print_best
from cluster.cli.data import import_dataset, simulate_files
from cluster.cli.run import with_options
from cluster.errors import ExitCode
from cluster.outputs import check_folder

LINES, GENES = 400, 600
SMALL_LINES, SMALL_GENES, SMALL_FOLDS = 60, 60, 2
SHOWN = 15  # of the best-predicted targets


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
    lines, genes = (SMALL_LINES, SMALL_GENES) if small else (LINES, GENES)
    folds = {"folds": SMALL_FOLDS} if small else {}
    if not release.exists():
        simulate_files(release, cell_lines=lines, genes=genes, layout="24Q4", seed=0)
    if not dataset.exists():
        import_dataset(release, dataset)
    outcome = run_request(request_of(dataset, path, **folds, **where))
    if outcome.interrupted:
        return outcome.exit_code
    store = Store(path)
    print_best(store, SHOWN)
    best = best_targets(store, 1)["target"][0]
    command = _command()
    print(f"\nThe store is {path}. Ask it:")
    print(f'  {command} query {path} "SELECT * FROM genes LIMIT 5"')  # noqa: S608 - printed for people, not run
    print(f"  {command} gene {path} {best}")
    return outcome.exit_code


def _command() -> str:
    """How the user called us, to be copied for the next command."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{sys.executable} -m cluster"
    return str(called.with_name("knockcast")) if "/" in sys.argv[0] else "knockcast"
