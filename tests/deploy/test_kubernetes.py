"""The Kubernetes files: rendered as kustomize would, held against schemas, read by Ray's autoscaler."""

import copy
import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import typer
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.scripts.scripts import start

from cluster.cli.app import app
from tests.deploy.rendering import DEPLOY, documents, rendered

KUBERNETES = DEPLOY / "kubernetes"
FOLDERS = ("access", "cluster", "gpu", "gcs-fault-tolerance", "job")
KUBERAY = json.loads((Path(__file__).with_name("schemas") / "kuberay-1.7.json").read_text(encoding="utf-8"))
NEWEST = kubernetes_validate.latest_version()


def check(thing: Any) -> None:
    """Raise ValidationError for what KubeRay or Kubernetes would refuse, unknown fields included."""
    if thing["apiVersion"] != "ray.io/v1":
        kubernetes_validate.validate(thing, NEWEST, strict=True)
        return
    jsonschema.validate(thing, {"$ref": f"#/$defs/{thing['kind']}", "$defs": KUBERAY["$defs"]})
    spec = cluster_of(thing)
    for group in groups_of(spec):
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "template": group["template"]}
        kubernetes_validate.validate(pod, NEWEST, strict=True)


def cluster_of(thing: Any) -> Any:
    spec = thing["spec"]
    return spec["rayClusterSpec"] if thing["kind"] == "RayJob" else spec


def groups_of(spec: Any) -> list[Any]:
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def ray_thing(folder: str) -> Any:
    (found,) = [each for each in rendered(KUBERNETES / folder) if each["apiVersion"] == "ray.io/v1"]
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_renders_to_what_kubernetes_and_kuberay_take(folder: str) -> None:
    things = rendered(KUBERNETES / folder)
    for thing in things:
        check(thing)
        assert thing["kind"] == "Namespace" or thing["metadata"]["namespace"] == "knockcast"
    names = [(thing["kind"], thing["metadata"]["name"]) for thing in things]
    assert len(set(names)) == len(names)


def test_every_folder_is_looked_at_and_every_file_used() -> None:
    assert {path.name for path in KUBERNETES.iterdir()} == set(FOLDERS)
    for folder in FOLDERS:
        (plan,) = documents(KUBERNETES / folder / "kustomization.yaml")
        named = {*plan["resources"], *(patch["path"] for patch in plan.get("patches", []))}
        files = {path.name for path in (KUBERNETES / folder).iterdir()} - {"kustomization.yaml"}
        assert files == {name for name in named if not name.startswith("../")}


def test_a_job_has_the_same_cluster_as_the_one_that_stays() -> None:
    assert ray_thing("job")["spec"]["rayClusterSpec"] == ray_thing("cluster")["spec"]


@pytest.mark.parametrize(
    ("folder", "workers"),
    [
        ("cluster", {"cpu": {"CPU": 16}}),
        ("job", {"cpu": {"CPU": 16}}),
        ("gpu", {"cpu": {"CPU": 16}, "gpu": {"CPU": 16, "GPU": 1}}),
    ],
)
def test_rays_autoscaler_reads_a_head_without_work_and_groups_from_zero(folder: str, workers: Any) -> None:
    thing = ray_thing(folder)
    config = _derive_autoscaling_config_from_ray_cr({**thing, "spec": cluster_of(thing)})
    groups = config["available_node_types"]
    head = groups.pop(config["head_node_type"])
    assert head["resources"]["CPU"] == 0
    counted = {
        name: {unit: n for unit, n in group["resources"].items() if unit in ("CPU", "GPU")}
        for name, group in groups.items()
    }
    assert counted == workers
    assert all(group["min_workers"] == 0 < group["max_workers"] for group in groups.values())
    assert config["idle_timeout_minutes"] == 5


@pytest.mark.parametrize("folder", FOLDERS[1:])
def test_pods_are_not_root_and_open_to_nobody_without_the_token(folder: str) -> None:
    things = rendered(KUBERNETES / folder)
    (policy,) = [each for each in things if each["kind"] == "NetworkPolicy"]
    spec = cluster_of(ray_thing(folder))
    assert spec["authOptions"] == {"mode": "token"}
    for group in groups_of(spec):
        pod = group["template"]
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["restartPolicy"] == "Never"  # as Ray's second autoscaler wants it
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"] == container["resources"]["limits"]


def test_ray_knows_the_options_it_is_started_with() -> None:
    for group in groups_of(ray_thing("gpu")["spec"]):
        words = [f"--{name}={value}" for name, value in group["rayStartParams"].items()]
        start.make_context("start", words)  # raises for an option there is not


def test_the_job_is_a_command_of_ours_that_any_attempt_may_repeat() -> None:
    job = ray_thing("job")["spec"]
    program, name, *words = shlex.split(job["entrypoint"])
    assert (program, name) == ("knockcast", "run")
    commands: Any = typer.main.get_command(app)
    with commands.commands[name].make_context(name, words) as parsed:
        assert parsed.params["address"] == "auto"
        assert parsed.params["if_busy"] == "wait"  # an attempt waits for one that still lives
        assert str(parsed.params["store"]).startswith("s3://")
    assert job["backoffLimit"] > 0


def test_fault_tolerance_leads_to_its_own_redis() -> None:
    things = {each["kind"]: each for each in rendered(KUBERNETES / "gcs-fault-tolerance")}
    options = things["RayCluster"]["spec"]["gcsFaultToleranceOptions"]
    host, _, port = options["redisAddress"].partition(":")
    service, stateful = things["Service"], things["StatefulSet"]
    assert (host, int(port)) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    assert service["spec"]["selector"] == stateful["spec"]["template"]["metadata"]["labels"]
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    asked = options["redisPassword"]["valueFrom"]
    assert container["env"] == [{"name": "PASSWORD", "valueFrom": asked}]


def test_the_checks_see_what_they_look_for() -> None:
    cluster = ray_thing("cluster")
    for path, value in [
        (("spec", "autoscalerOption"), {}),
        (("spec", "workerGroupSpecs", 0, "minReplicas"), "0"),
        (("spec", "headGroupSpec", "rayStartParams"), {"num-cpus": 0}),
        (("spec", "headGroupSpec", "template", "spec", "containers", 0, "envFroms"), []),
    ]:
        broken = copy.deepcopy(cluster)
        at = broken
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = value
        with pytest.raises(jsonschema.ValidationError):
            check(broken)
