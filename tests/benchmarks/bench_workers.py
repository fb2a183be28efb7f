"""Two workers against one, on the same simulated release, Ray's own start not counted.

Beside them the bare bound: what this machine's second core is worth to two runs that share nothing.
"""

import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.measure import watched

KNOCKCAST = str(Path(sys.executable).with_name("knockcast"))
CELL_LINES, GENES, TARGETS = 700, 8000, 4000  # long enough that starting workers (about 4 s) hardly counts


def main() -> None:
    """Print wall seconds of the driver's loop for one and two workers, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        simulate = [
            "simulate",
            "--out",
            f"{where}/release",
            "--cell-lines",
            str(CELL_LINES),
            "--genes",
            str(GENES),
        ]
        watched([KNOCKCAST, *simulate], show=False)
        watched([KNOCKCAST, "import", f"{where}/release", "--out", f"{where}/dataset"], show=False)
        chosen = where / "targets.txt"
        chosen.write_text("\n".join(_targets(where / "dataset")[:TARGETS]))
        seconds = {n: _seconds(where, chosen, n) for n in (1, 2)}
        with ThreadPoolExecutor(2) as pool:  # each of them only waits for a process of its own
            apart = max(pool.map(lambda name: _seconds(where, chosen, 1, name), ("a", "b")))
    print(f"{TARGETS} targets x 5 folds, {GENES} genes, about {CELL_LINES} cell lines, preset quick\n")
    print("| workers | seconds |\n|---|---|")
    for workers, taken in seconds.items():
        print(f"| {workers} | {taken:.1f} |")
    print(f"| two runs of one worker at a time | {apart:.1f} |")
    print(f"\ntwo workers are {seconds[1] / seconds[2]:.2f} times as fast as one")
    print(f"bare bound: two runs that share nothing do {2 * seconds[1] / apart:.2f} times the work of one")


def _targets(dataset: Path) -> list[str]:
    from tasks.dataset.dataset import Dataset

    return Dataset.open(dataset).targets


def _seconds(where: Path, chosen: Path, workers: int, name: str = "") -> float:
    """Seconds the driver reports for the run: from the first shard's start to the last one's commit."""
    store = where / f"store{workers}{name}"
    arguments = ["--method", "modifiers", "--targets", f"@{chosen}", "--no-final", "--workers", str(workers)]
    measured = watched([KNOCKCAST, "run", f"{where}/dataset", "--store", str(store), *arguments], show=False)
    found = re.search(r"units in ([0-9.]+) s", measured.output)
    if found is None:
        raise RuntimeError(f"the run did not say how long it took:\n{measured.output}")
    return float(found[1])


if __name__ == "__main__":
    main()
