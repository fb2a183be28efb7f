"""Prints what a pyproject.toml requires, one requirement a line: for the image's layer of libraries."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
print("\n".join(project["dependencies"]))
