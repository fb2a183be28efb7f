"""Every pinned package has the hash of its file, and the bill of materials names each."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+) --hash=sha256:[0-9a-f]{64}")


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def hashed() -> dict[str, str]:
    found = map(LINE.fullmatch, (DEPLOY / "hashes.txt").read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(line["name"]): line["version"] for line in found if line is not None}


def test_every_pin_has_a_hash_of_its_version() -> None:
    """After a change of constraints.txt: deploy/hashes.py says how the hashes are made."""
    assert {name: version.partition("+")[0] for name, version in hashed().items()} == {
        name: version.partition("+")[0] for name, version in pinned().items()
    }
    assert len((DEPLOY / "hashes.txt").read_text(encoding="utf-8").splitlines()) == len(pinned())


def test_hashes_are_taken_from_pips_report(tmp_path: Path) -> None:
    info = {"url": "https://x/six.whl", "archive_info": {"hashes": {"sha256": "ab" * 32}}}
    report = {"install": [{"metadata": {"name": "six", "version": "1.17.0"}, "download_info": info}]}
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert printed("hashes.py", tmp_path / "report.json") == f"six==1.17.0 --hash=sha256:{'ab' * 32}\n"


def test_the_bill_of_materials_names_every_package_with_its_hash() -> None:
    made = json.loads(printed("sbom.py", DEPLOY / "hashes.txt"))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    found = {canonicalize_name(one["name"]): one for one in made["components"]}
    assert {name: one["version"] for name, one in found.items()} == hashed()
    lines = (DEPLOY / "hashes.txt").read_text(encoding="utf-8")
    assert all(one["hashes"][0]["content"] in lines for one in found.values())
    assert all(one["purl"] == f"pkg:pypi/{name}@{quote(one['version'])}" for name, one in found.items())
    assert found["ray"]["licenses"] == [{"license": {"name": "Apache 2.0"}}]


def printed(script: str, *arguments: Path) -> str:
    done = subprocess.run(
        [sys.executable, DEPLOY / script, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout
