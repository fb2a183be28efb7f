"""Files of gigabytes that are no tables, with the real bounds: refused by the command in little memory."""

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.promises import Measured
from tests.security.small_inputs import FILES, READING, made_run

pytestmark = [pytest.mark.long, pytest.mark.timeout(200)]

HUGE = 2**31  # bytes of one line
ROOM = 3 * 2**29  # bytes that a command may hold: less than that line
PIECE = 2**26


def one_line(path: Path) -> None:
    """Of nothing but zeros, which take no room on the disk."""
    path.write_bytes(b"ModelID,G0,G1\nACH-000001,")
    os.truncate(path, HUGE)


def packed(path: Path, start: bytes, letter: bytes, size: int) -> None:
    piece = gzip.compress(letter * PIECE)
    path.write_bytes(gzip.compress(start) + piece * (size // PIECE))


def one_packed_line(path: Path) -> None:
    packed(path, b"ModelID,G0,G1\nACH-000001,", b"1", HUGE)


def nothing_but_line_ends(path: Path) -> None:
    packed(path, b"ModelID,G0,G1\nACH-000001,1,2\n", b"\n", 4 * HUGE)


def rows_without_end(path: Path) -> None:
    rows = 10**6
    block = pa.table({"ModelID": ["ACH-000001"] * rows, "G0": np.zeros(rows)})
    with pq.ParquetWriter(path, block.schema) as writer:
        for _ in range(60):
            writer.write_table(block)


BOMBS = {
    "line.csv": (one_line, "row 2: the line has more than 16777216 bytes"),
    "line.csv.gz": (one_packed_line, "row 2: the line has more than 16777216 bytes"),
    "ends.csv.gz": (nothing_but_line_ends, "more than 5000000 rows"),
    "rows.parquet": (rows_without_end, "60000000 rows x 2 columns"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the commands read, and the bombs."""
    made = made_run(tmp_path_factory.mktemp("huge"))
    for name, (make, _) in BOMBS.items():
        make(made / name)
    return made


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (ROOM, ROOM))


def command(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The command with one thread a library, for each takes memory."""
    few = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.run(
        [sys.executable, "-m", "cluster", *words],
        cwd=folder,
        env=os.environ | few | {"PYTHONPATH": str(Path.cwd())},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("asked", READING)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_huge_file_is_refused_in_words_and_in_little_memory(
    folder: Path, bomb: str, asked: str, measured: Measured
) -> None:
    before = sorted(folder.iterdir())
    ended = command(READING[asked](bomb), folder)
    assert ended.returncode == 2, ended.stderr
    assert bomb in ended.stderr
    assert asked not in (*FILES, "samples") or BOMBS[bomb][1] in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(folder.iterdir()) == before
    measured(bombs_refused=1)


@pytest.mark.parametrize(
    "asked", [READING["expression"]("expression.csv"), READING["samples"]("expression.csv")]
)
def test_what_is_no_bomb_is_taken_in_as_much_memory(folder: Path, tmp_path: Path, asked: list[str]) -> None:
    words = [str(folder / word) if (folder / word).exists() else word for word in asked]
    ended = command(words, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert list(tmp_path.iterdir())
