"""Prints what is installed with Knockcast, as a CycloneDX 1.6 bill of materials in JSON.

    python deploy/sbom.py deploy/hashes.txt > sbom.json

A component for each line: its name, version, package URL, licence as the installed package states it, and the
sha256 of the file it comes from.
"""

import json
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote


def component(line: str) -> dict[str, Any]:
    """Of one line `NAME==VERSION --hash=sha256:DIGEST`."""
    pin, _, digest = line.partition(" --hash=sha256:")
    name, _, version = pin.partition("==")
    plain = name.lower().replace("_", "-").replace(".", "-")
    known = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{plain}@{quote(version)}",
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }
    return known | ({"licenses": [{"license": {"name": found}}]} if (found := licence(name)) else {})


def licence(name: str) -> str:
    """What the installed package states, in one line; "" where it is not installed or does not say."""
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return ""
    text = stated.get("License-Expression") or stated.get("License") or ""
    return text.strip().partition("\n")[0]


lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
made = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {"component": {"type": "application", "name": "knockcast"}},
    "components": [component(line) for line in lines],
}
print(json.dumps(made, indent=1))
