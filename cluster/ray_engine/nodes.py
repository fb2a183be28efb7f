"""The nodes of the Ray cluster, and how a task is kept off some of them."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import ray

from cluster.errors import RefusedError
from cluster.ray_engine.addresses import is_loopback

SECONDS_BETWEEN_CENSUS = 5.0  # how often the cluster's size is looked up
_LABEL = "ray.io/node-id"  # Ray gives it to every node


class Nodes:
    """Who is alive, looked up every few seconds."""

    def __init__(self) -> None:
        self._listed: list[dict[str, Any]] = []
        self._counted = float("-inf")

    def listed(self) -> list[dict[str, Any]]:
        """What `ray.nodes()` said last."""
        if time.monotonic() - self._counted > SECONDS_BETWEEN_CENSUS:
            self._listed = ray.nodes()
            self._counted = time.monotonic()
        return self._listed

    @property
    def alive(self) -> frozenset[str]:
        """The ids of those that run tasks (a head may have no CPU)."""
        return frozenset(
            n["NodeID"] for n in self.listed() if n["Alive"] and int(n["Resources"].get("CPU", 0))
        )

    @property
    def names(self) -> dict[str, str]:
        """Their host and address, by id."""
        alive = self.alive
        return {
            n["NodeID"]: f"{n['NodeManagerHostname']} ({n['NodeManagerAddress']})"
            for n in self.listed()
            if n["NodeID"] in alive
        }

    @property
    def cpus(self) -> int:
        """CPUs of the living nodes together."""
        return sum(int(n["Resources"].get("CPU", 0)) for n in self.listed() if n["Alive"])

    def memory_for(self, needed: int) -> dict[str, Any]:
        """The options that reserve a task's memory on its node: no more than the largest node has.

        Nothing where that is little, or no node says what it has (a cluster may begin without one): a task
        must not wait for ever.
        """
        here = [n["Resources"].get("memory", 0) for n in self.listed() if n["NodeID"] in self.alive]
        most = int(max(here, default=0))
        return {"memory": min(needed, most)} if needed and most else {}

    def refuse_small_stores(self, needed: int) -> None:
        """Raise RefusedError where the object store of a node that runs tasks cannot hold so many bytes."""
        small = [
            f"{self.names[n['NodeID']]} has {n['Resources'].get('object_store_memory', 0) / 2**30:.1f}"
            for n in self.listed()
            if n["NodeID"] in self.alive and n["Resources"].get("object_store_memory", 0) < needed
        ]
        if small:
            raise RefusedError(
                f"Ray's object store must hold about {needed / 2**30:.1f} GiB on every node (the dataset and "
                f"two prepared folds); {', '.join(small)}: start Ray there with "
                f"--object-store-memory={needed}, or model fewer methods at a time"
            )

    def refuse_unreachable_driver(self) -> None:
        """Raise RefusedError where nodes of other machines would look for this one on their own loopback."""
        if found := unreachable(self.listed(), ray.get_runtime_context().get_node_id()):
            raise RefusedError(found)

    def are_all_in(self, avoided: Collection[str]) -> bool:
        """Whether a task kept off these nodes would never run."""
        return self.alive.issubset(avoided)

    def without(self, avoided: Collection[str]) -> dict[str, Any]:
        """The options that keep a task off these nodes; none where no other node is there."""
        living = sorted(self.alive.intersection(avoided))
        if not living or self.are_all_in(avoided):
            return {}
        return {"label_selector": {_LABEL: f"!in({','.join(living)})"}}


def unreachable(nodes: Sequence[Mapping[str, Any]], here: str) -> str:
    """Why the other nodes (as `ray.nodes()` lists them) cannot reach node `here`; "" where nothing says so.

    Debian gives a machine's own name a loopback address, which Ray takes where it finds no way out.
    """
    address = {n["NodeID"]: n["NodeManagerAddress"] for n in nodes if n["Alive"]}
    others = [other for other in address.values() if not is_loopback(other)]
    if here not in address or not others or not is_loopback(address[here]):
        return ""
    return (
        f"this machine's Ray gives its address as {address[here]}, where the node {others[0]} finds itself: "
        "no work would begin; stop Ray here, and start it with --node-ip-address and what the others call it"
    )
