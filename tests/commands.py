"""A `knockcast` command in the test's own process, which has imported already what it needs.

`python -P tests/commands.py '[["status", "STORE"], ...]'` runs commands one after another in another process,
of an environment or a copy of the sources, and prints a list of how each ended.

What only a process of its own shows (signals, what is imported, which packages are found) is in
tests/cluster/cli/test_entry.py and tests/test_architecture.py.
"""

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from typing import NamedTuple
from unittest.mock import patch

from cluster.cli.app import main


class Ended(NamedTuple):
    """How a command ended and what it printed, named as in `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def knockcast(*arguments: object) -> Ended:
    """Run one command to its end. An error that users would see as a traceback is raised."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    words = ["knockcast", *map(str, arguments)]
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", words):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


if __name__ == "__main__":
    print(json.dumps([knockcast(*words) for words in json.loads(sys.argv[1])]))
