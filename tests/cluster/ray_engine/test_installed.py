"""What workers import where Knockcast is installed, wherever the driver or Ray was started."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.ray_engine.identity import package_folders
from tests.cluster.ray_engine.ray_nodes import ray_head

DRIVER = """
import os
import sys
from cluster.ray_engine.identity import fingerprint, is_installed
from cluster.ray_engine.runtime import connected
assert is_installed()
here = os.getcwd()
with connected(sys.argv[1], workers=1):
    import ray

    @ray.remote(num_cpus=1)
    def there():
        from cluster.ray_engine.identity import fingerprint
        return fingerprint()

    assert ray.get(there.remote()) == fingerprint()
assert os.getcwd() == here
"""


@pytest.mark.ray
@pytest.mark.timeout(240)
def test_a_checkout_that_all_were_started_in_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither on a cluster nor by a Ray of our own."""
    site, checkout = tmp_path / "site-packages", tmp_path / "checkout"
    for folder in package_folders():
        shutil.copytree(folder, site / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(site, checkout)
    (checkout / "cluster" / "__init__.py").write_text("# another commit's\n", encoding="utf-8")
    script = tmp_path / "bin" / "driver.py"
    script.parent.mkdir()
    script.write_text(DRIVER, encoding="utf-8")
    monkeypatch.chdir(checkout)
    with ray_head(tmp_path, {"PYTHONPATH": str(site)}, cpus=1) as nodes:
        (checkout / "token").write_text(nodes.token, encoding="utf-8")
        environment = {k: v for k, v in nodes.environment.items() if k != "RAY_AUTH_TOKEN"}
        # Relative: Ray must find it from any folder.
        environment |= {"RAY_AUTH_TOKEN_PATH": "token"}
        for address in (nodes.address, "local"):
            line = [sys.executable, str(script), address]
            subprocess.run(line, check=True, env=environment, cwd=checkout, timeout=120)
