"""Four nodes of one slot against one node of four: what a run pays for being spread over nodes.

    python -m tests.benchmarks.bench_nodes [TARGETS]

The nodes are processes of this machine, each with an object store and workers of its own, so both shapes have
the same cores; a network between them there is none. They take turns, and Ray's own start is not counted.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from cluster.ray_engine.runtime import IN_A_JOB
from tasks.dataset.dataset import Dataset
from tasks.importing.importer import import_release
from tasks.simulation.simulate import simulate_release
from tests.cluster.ray_engine.ray_nodes import RayNodes, ray_head

CELL_LINES, GENES, TARGETS = 700, 5000, 4000
SHAPES = {"1 node of 4 slots": (4,), "4 nodes of 1 slot": (1, 1, 1, 1)}
TURNS = 3
MOST_MORE = 0.1
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Print seconds of the driver's loop for each shape, and what the second costs more."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TARGETS
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        simulate_release(work / "release", cell_lines=CELL_LINES, genes=GENES, layout="24Q4", seed=1)
        targets = import_release(work / "release", out=work / "dataset").targets[:count]
        (work / "targets.txt").write_text("\n".join(targets))
        seconds: dict[str, list[float]] = {shape: [] for shape in SHAPES}
        for turn in range(TURNS):
            for shape, slots in SHAPES.items():
                seconds[shape].append(_seconds(work, slots, f"{turn}-{len(slots)}"))
        lines = len(Dataset.open(work / "dataset").cell_lines)
    print(f"{len(targets)} targets x 5 folds, {GENES} genes, {lines} cell lines, preset quick\n")
    print("| cluster | seconds, each turn | median |\n|---|---|---|")
    for shape, taken in seconds.items():
        print(f"| {shape} | {', '.join(f'{one:.1f}' for one in taken)} | {statistics.median(taken):.1f} |")
    one, four = (statistics.median(taken) for taken in seconds.values())
    print(f"\nfour nodes take {four / one - 1:+.1%} of one node's time (must: less than {MOST_MORE:+.0%})")
    sys.exit("four nodes take too much more" if four / one - 1 >= MOST_MORE else 0)


def _seconds(work: Path, slots: tuple[int, ...], name: str) -> float:
    """Seconds from the first shard's start to the last one's commit, on a new cluster of such nodes."""
    home = work / f"home-{name}"
    home.mkdir()
    with ray_head(home, {IN_A_JOB: "{}", "PYTHONPATH": str(ROOT)}) as nodes:
        for cpus in slots:
            nodes.add_worker(cpus)
        said = _run(work, nodes, work / f"store-{name}")
    found = re.search(r"units in ([0-9.]+) s", said)
    if found is None:
        raise RuntimeError(f"the run did not say how long it took:\n{said}")
    return float(found[1])


def _run(work: Path, nodes: RayNodes, store: Path) -> str:
    command = [sys.executable, "-m", "cluster", "run", str(work / "dataset"), "--store", str(store)]
    command += ["--method", "modifiers", "--targets", f"@{work / 'targets.txt'}", "--no-final"]
    done = subprocess.run(
        [*command, "--address", nodes.address],
        env=os.environ | dict(nodes.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
