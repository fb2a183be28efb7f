"""What `knockcast import`, `simulate` and `demo` do and print."""

import sys
from pathlib import Path
from typing import Any

from cluster.cli.store_actions import best_targets, print_best
from cluster.errors import ExitCode
from cluster.results.store import Store
from cluster.runs.run import Request, run_request
from cluster.text import measure_in_words
from tasks.dataset.dataset import Dataset
from tasks.importing.importer import import_release
from tasks.simulation.simulate import simulate_release

DEMO_LINES, DEMO_GENES = 400, 600


def import_dataset(source: Path | None, out: Path, **named: Any) -> None:
    """Import a release and say what is in the Dataset and what was set aside."""
    _describe(import_release(source, out=out, **named))


def _describe(dataset: Dataset) -> None:
    print(
        f"{dataset.path}: {len(dataset.cell_lines)} cell lines x {len(dataset.genes)} genes (expression), "
        f"{len(dataset.targets)} targets ({measure_in_words(dataset.measure)})"
    )
    for what, details in dataset.report.items():
        if details:
            print(f"  {what}: {_short(details)}")


def _short(details: Any) -> str:
    """A report's entry in one line; the whole of it stays in the Dataset."""
    if not isinstance(details, list):
        return str(details)
    shown = ", ".join(map(str, details[:5]))
    return f"{len(details)}: {shown}{', ...' if len(details) > 5 else ''}"


def simulate_files(out: Path, **options: Any) -> None:
    """Write a simulated release and say where."""
    simulate_release(out, **options)
    print(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}")


def run_demo(out: Path, workers: int | None) -> ExitCode:
    """Simulate, import, run and show; every step that `out` already holds is taken as it is."""
    release, dataset, store = out / "release", out / "dataset", out / "store"
    if not release.exists():
        simulate_files(release, cell_lines=DEMO_LINES, genes=DEMO_GENES, layout="24Q4", seed=0)
    if not dataset.exists():
        import_dataset(release, dataset)
    outcome = run_request(Request(dataset, str(store), workers=workers))
    if outcome.interrupted:
        return outcome.exit_code
    print_best(Store(store), 15)
    best = best_targets(Store(store), 1)["target"][0]
    command = Path(sys.argv[0]).with_name("knockcast") if "/" in sys.argv[0] else "knockcast"
    print(f"\nThe store is {store}. Ask it:")
    print(f'  {command} query {store} "SELECT * FROM genes LIMIT 5"')  # noqa: S608 - printed for people, not run
    print(f"  {command} gene {store} {best}")
    return outcome.exit_code
