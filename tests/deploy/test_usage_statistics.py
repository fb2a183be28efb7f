"""Ray's head reports to its makers unless told not to: every way to start one tells it."""

from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OFF = "RAY_USAGE_STATS_ENABLED=0"


@pytest.mark.parametrize("file", ["Dockerfile", "ray-up/aws.yaml", "slurm/knockcast.sbatch"])
def test_files_turn_usage_statistics_off(file: str) -> None:
    assert OFF in (DEPLOY / file).read_text(encoding="utf-8")


def test_so_do_the_lines_to_type_before_ray_is_started() -> None:
    said = (DEPLOY / "README.md").read_text(encoding="utf-8")
    by_hand = said[said.index("## By hand") : said.index("## Slurm")]
    assert 0 < by_hand.index(f"export {OFF}") < by_hand.index("ray start --head")
