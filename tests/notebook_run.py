"""The notebook of the documentation, executed: `python -m tests.notebook_run FOLDER` writes its outputs anew.

FOLDER is one in which the commands of docs/tutorial.md were run: it has `real.store`, and `../shared`.
"""

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"


def executed(folder: Path) -> nbformat.NotebookNode:
    """The notebook, executed in `folder`, without what differs from run to run. Raises where a cell does."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.record_timing = False
    client.execute()
    notebook.metadata = {"language_info": {"name": "python"}}
    return notebook


def outputs(cell: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """What a cell shows: a dictionary from kind (`text/plain`, ...) to content for each output."""
    return [
        dict(out["data"]) if "data" in out else {"text/plain": out.get("text", "")}
        for out in cell.get("outputs", [])
    ]


if __name__ == "__main__":
    nbformat.write(executed(Path(sys.argv[1])), NOTEBOOK)
