"""Knockcast installed as on a cluster's nodes: a wheel, and Ray's command, in an environment of their own."""

from pathlib import Path

import pytest

from tests.packaging.wheels import empty_environment, give_compiled_code, our_wheel

RAY = "#!{python}\nimport sys\nfrom ray.scripts.scripts import main\nsys.exit(main())\n"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the commands `knockcast`, `ray` and `python` of an environment outside the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    python = empty_environment(folder / "environment", our_wheel(folder / "build"))
    give_compiled_code(python)
    ray = python.with_name("ray")
    ray.write_text(RAY.format(python=python), encoding="utf-8")
    ray.chmod(0o755)
    return python.parent
