"""The compose file: its schema, and what its commands are."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from ray.scripts.scripts import start

from tests.deploy.rendering import DEPLOY, documents, interpolated

TOKEN = {"RAY_AUTH_TOKEN": "a-word"}
SCHEMA = json.loads(
    files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_text("utf-8")
)


@pytest.fixture
def compose() -> Any:
    (found,) = documents(DEPLOY / "compose.yaml")
    return found


def test_it_is_what_the_compose_specification_says(compose: Any) -> None:
    jsonschema.validate(compose, SCHEMA)
    jsonschema.validate(interpolated(compose, TOKEN), SCHEMA)
    compose["services"]["head"]["depend_on"] = []
    with pytest.raises(jsonschema.ValidationError, match="depend_on"):
        jsonschema.validate(compose, SCHEMA)


def test_it_asks_for_a_token_and_opens_one_port_to_this_machine_alone(compose: Any) -> None:
    with pytest.raises(KeyError, match="RAY_AUTH_TOKEN"):
        interpolated(compose["services"]["head"], {})
    services = interpolated(compose["services"], TOKEN)
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"head": ["127.0.0.1:8265:8265"]}
    for name in ("head", "worker"):
        assert services[name]["environment"]["RAY_AUTH_MODE"] == "token"
        assert services[name]["environment"]["RAY_AUTH_TOKEN"] == TOKEN["RAY_AUTH_TOKEN"]


def test_ray_knows_the_options_it_is_started_with(compose: Any) -> None:
    services = interpolated(compose["services"], TOKEN)
    for name, cpus in (("head", 0), ("worker", 2)):
        assert services[name]["entrypoint"] == ["ray"]
        word, *options = services[name]["command"]
        assert word == "start"
        with start.make_context(word, options) as parsed:
            assert parsed.params["num_cpus"] == cpus
            assert parsed.params["block"]


def test_what_is_named_is_there(compose: Any) -> None:
    services = compose["services"]
    for service in services.values():
        assert service.get("depends_on", {}).keys() <= services.keys()
        assert {each["source"] for each in service.get("configs", [])} <= compose["configs"].keys()
        build = service.get("build")
        assert build is None or (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    keys = json.loads(interpolated(compose["configs"]["s3"]["content"], {}))["identities"][0]["credentials"]
    environment = interpolated(services["head"]["environment"], TOKEN)
    assert keys == [
        {"accessKey": environment["AWS_ACCESS_KEY_ID"], "secretKey": environment["AWS_SECRET_ACCESS_KEY"]}
    ]
