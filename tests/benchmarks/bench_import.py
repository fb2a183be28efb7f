"""How long and how much memory the import of a full-size release takes, beside pyarrow's bare read.

    python -m tests.benchmarks.bench_import [--lines 1200] [--genes 19000]

The bound: 30 s and 3 GiB for 1200 x 19 000 on two cores. The bare read guesses column types
and keeps float64. Writes about 500 MB into a temporary folder.
"""

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

GIB = 2**30


def main() -> None:
    """Writes the files, times both readers in processes of their own, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=1200)
    parser.add_argument("--genes", type=int, default=19_000)
    sizes = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="knockcast-bench-") as folder:
        release = Path(folder) / "release"
        write_release(release, sizes.lines, sizes.genes)
        megabytes = sum(path.stat().st_size for path in release.iterdir()) / 1e6
        print(f"{sizes.lines} cell lines x {sizes.genes} genes, two CSV files, {megabytes:.0f} MB")
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"{'what':24} {'seconds':>8} {'peak GiB':>9}")
        for what, code in STEPS.items():
            seconds, peak = measure(code, release, Path(folder) / "dataset")
            print(f"{what:24} {seconds:8.1f} {peak:9.2f}")


def write_release(folder: Path, lines: int, genes: int) -> None:
    """Gene effect, expression and Model.csv as 24Q4 has them, numbers spelled with 9 decimals."""
    folder.mkdir()
    rng = np.random.Generator(np.random.PCG64(0))
    ids = [f"ACH-{number:06d}" for number in range(1, lines + 1)]
    header = ["", *(f"GENE{number} ({number})" for number in range(1, genes + 1))]
    _write_matrix(folder / "CRISPRGeneEffect.csv", header, ids, rng)
    _write_matrix(folder / "OmicsExpressionProteinCodingGenesTPMLogp1.csv", header, ids, rng)
    with (folder / "Model.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["ModelID", "OncotreeLineage"], *([name, "Lung"] for name in ids)])


def _write_matrix(path: Path, header: list[str], ids: list[str], rng: np.random.Generator) -> None:
    with path.open("w") as file:
        file.write(",".join(header) + "\n")
        for name in ids:
            values = rng.normal(0, 1, len(header) - 1)
            file.write(name + "," + ",".join([f"{value:.9f}" for value in values]) + "\n")


IMPORT = """
from pathlib import Path
from tasks.importing.importer import import_release
release, out = Path(sys.argv[1]), Path(sys.argv[2])
import_release(release, out=out)
"""
BARE = """
import pyarrow.csv
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.csv")):
    pyarrow.csv.read_csv(path, read_options=pyarrow.csv.ReadOptions(block_size=2**24)).num_rows
"""
STEPS = {"pyarrow's bare read": BARE, "knockcast import": IMPORT}


def measure(code: str, *arguments: Path) -> tuple[float, float]:
    """Seconds and peak resident GiB of a fresh Python that runs `code`, start-up included."""
    started = time.perf_counter()
    # A few lines of Python of our own, given to our own interpreter.
    finished = subprocess.run(
        [sys.executable, "-c", "import sys, resource\n" + code + PRINT_PEAK, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    return seconds, int(finished.stdout.split()[-1]) * 1024 / GIB


PRINT_PEAK = "\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"

if __name__ == "__main__":
    main()
