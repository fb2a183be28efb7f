"""A node that falls silent is given up after a time that every way to start Ray sets."""

import re
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SETTING = re.compile(r"RAY_(grpc_client_keepalive_\w+)=(\d+)")
GIVEN = {"grpc_client_keepalive_time_ms": "65000", "grpc_client_keepalive_timeout_ms": "20000"}


@pytest.mark.parametrize("file", ["Dockerfile", "ray-up/aws.yaml", "slurm/knockcast.sbatch"])
def test_files_say_when_a_silent_node_is_given_up(file: str) -> None:
    assert dict(SETTING.findall((DEPLOY / file).read_text(encoding="utf-8"))) == GIVEN


def test_so_do_the_lines_to_type_before_ray_is_started() -> None:
    said = (DEPLOY / "README.md").read_text(encoding="utf-8")
    by_hand = said[said.index("## By hand") : said.index("    ray start --head")]
    assert dict(SETTING.findall(by_hand)) == GIVEN
