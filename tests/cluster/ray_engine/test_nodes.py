"""Which node others cannot reach, by what Ray lists."""

from typing import Any

import pytest

from cluster.ray_engine.nodes import unreachable


def node(name: str, address: str, alive: bool = True) -> dict[str, Any]:
    return {"NodeID": name, "NodeManagerAddress": address, "Alive": alive}


@pytest.mark.parametrize("own", ["127.0.1.1", "127.0.0.1", "::1", "[::1]", "localhost"])
def test_a_loopback_address_beside_other_machines_is_told(own: str) -> None:
    said = unreachable([node("head", own), node("worker", "10.77.0.2")], "head")
    assert f"gives its address as {own}, where the node 10.77.0.2 finds itself" in said
    assert "--node-ip-address" in said


@pytest.mark.parametrize(
    "nodes",
    [
        [node("head", "127.0.0.1")],
        [node("head", "127.0.0.1"), node("worker", "127.0.0.1")],  # all on this machine
        [node("head", "127.0.0.1"), node("worker", "10.77.0.2", alive=False)],
        [node("head", "10.77.0.1"), node("worker", "10.77.0.2")],
        [node("head", "10.77.0.1"), node("worker", "127.0.1.1")],  # the driver is elsewhere
        [node("head", "head.cluster"), node("worker", "10.77.0.2")],
        [node("worker", "10.77.0.2")],
    ],
)
def test_nothing_is_told_where_nodes_may_reach_each_other(nodes: list[dict[str, Any]]) -> None:
    assert unreachable(nodes, "head") == ""
