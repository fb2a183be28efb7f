"""A simulated release: DepMap's own files, with a planted truth beside them.

For tests, demonstrations and benchmarks of known answer: every modifier that was put into a target is in
truth.parquet, and every target's class in truth_targets.parquet.
"""

import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import BadInputError
from tasks.simulation.biology import simulate_arrays
from tasks.simulation.genes import MOST_GENES
from tasks.simulation.release_files import LAYOUTS, arrange

FEWEST_LINES, MOST_LINES = 30, 99_000
FEWEST_GENES = 50
MOST_VALUES = 200_000_000  # about 12 GB of memory; six times the largest real matrix
ONLY_EXPRESSED, ONLY_SCREENED = 0.10, 0.03  # lines beside the shared ones, as shares of those


def simulate_release(
    out: Path, cell_lines: int = 600, genes: int = 2000, layout: str = "24Q4", seed: int = 0
) -> Path:
    """Write the files of a release into the new folder `out`, all of them or none, and return its path.

    `cell_lines` lines have both expression and a screen, a tenth as many more have expression only and a
    few a screen only. `genes` are expressed; a few of them were not screened, and a few more genes only
    screened. The same arguments give the same bytes. An empty folder at `out` is taken. Raises
    BadInputError naming every argument that cannot be used.
    """
    out = Path(out).resolve()
    _check(out, cell_lines, genes, layout, seed)
    only_expressed = max(1, round(ONLY_EXPRESSED * cell_lines))
    only_screened = max(1, round(ONLY_SCREENED * cell_lines))
    simulation = simulate_arrays(cell_lines, genes, seed, unshared=only_expressed + only_screened)
    release = arrange(simulation, only_expressed, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        LAYOUTS[layout](release, folder)
        _write_parquet(simulation.truth, folder / "truth.parquet")
        _write_parquet(simulation.truth_targets, folder / "truth_targets.parquet")
        folder.chmod(0o755)  # mkdtemp makes it private
        folder.replace(out)  # over an empty folder, too; not over one that was filled meanwhile
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return out


def _check(out: Path, cell_lines: int, genes: int, layout: str, seed: int) -> None:
    problems = []
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        problems.append(f"--out {out}: exists and is not an empty folder; name a new one, or remove it first")
    if not FEWEST_LINES <= cell_lines <= MOST_LINES:
        problems.append(f"--cell-lines {cell_lines}: expected {FEWEST_LINES} to {MOST_LINES}")
    if not FEWEST_GENES <= genes <= MOST_GENES // 2:
        problems.append(f"--genes {genes}: expected {FEWEST_GENES} to {MOST_GENES // 2}")
    if cell_lines * genes > MOST_VALUES:
        problems.append(
            f"--cell-lines {cell_lines} x --genes {genes}: expected at most {MOST_VALUES:,} values"
        )
    if layout not in LAYOUTS:
        problems.append(f"--layout {layout}: unknown; choose one of {', '.join(LAYOUTS)}")
    if seed < 0:
        problems.append(f"--seed {seed}: expected 0 or more")
    if problems:
        raise BadInputError(problems)


def _write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)
