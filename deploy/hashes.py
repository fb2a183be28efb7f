"""Prints the packages of pip's report with their sha256, as `pip install --require-hashes` reads it.

    pip install --dry-run --ignore-installed --no-deps --quiet --report report.json -r constraints.txt
    python deploy/hashes.py report.json > deploy/hashes.txt

The hashes are those of the files that pip chooses for the machine and the Python it runs on.
"""

import json
import sys
from pathlib import Path

for item in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["install"]:
    found, digest = item["metadata"], item["download_info"]["archive_info"]["hashes"]["sha256"]
    print(f"{found['name']}=={found['version']} --hash=sha256:{digest}")
