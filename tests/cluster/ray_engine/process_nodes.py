"""Nodes for Ray's autoscaler: processes of this machine by `ray start`, where a cloud would give machines.

Ray's monitor imports this by the name that `autoscaling` gives, in the head's processes.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    NODE_KIND_WORKER,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

HEAD, WORKER = "head", "worker"  # node types
NODE_ID = "RAY_OVERRIDE_NODE_ID_FOR_TESTING"  # all have one address here: the autoscaler tells them by id
MEMORY = 2**30


def node_id(number: int) -> str:
    """Ids that are known before a node starts; 0 is the head."""
    return f"{number:056x}"


def autoscaling(workers: int, cpus: int, address: str) -> dict[str, Any]:
    """What `ray start --head --autoscaling-config` reads: none to so many workers, gone when idle for 3 s."""
    commands = ("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands")
    resources = {"CPU": cpus, "memory": MEMORY, "object_store_memory": MEMORY}
    return {
        "cluster_name": "processes",
        "max_workers": workers,
        "idle_timeout_minutes": 0.05,
        "provider": {
            "type": "external",
            "module": f"{ProcessNodes.__module__}.{ProcessNodes.__name__}",
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "address": address,
        },
        "auth": {},
        "head_node_type": HEAD,
        "available_node_types": {
            HEAD: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            WORKER: {"resources": resources, "node_config": {"cpus": cpus}, "max_workers": workers},
        },
        **{name: [] for name in (*commands, "head_start_ray_commands", "worker_start_ray_commands")},
        "file_mounts": {},
        "cluster_synced_files": [],
    }


class ProcessNodes(NodeProvider):  # type: ignore[misc]
    """The nodes that there are. Tags are what the autoscaler keeps about them."""

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        head = {TAG_RAY_NODE_KIND: NODE_KIND_HEAD, TAG_RAY_USER_NODE_TYPE: HEAD}
        self._tags = {node_id(0): head | {TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE}}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._made = 0

    def create_node(self, node_config: Mapping[str, Any], tags: Mapping[str, str], count: int) -> None:
        """Start so many nodes."""
        for _ in range(count):
            self._made += 1
            self._processes[node_id(self._made)] = self._start(node_id(self._made), node_config["cpus"])
            given = {TAG_RAY_NODE_KIND: NODE_KIND_WORKER, TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE}
            self._tags[node_id(self._made)] = dict(tags) | given

    def terminate_node(self, node_id: str) -> None:
        """End a node as `kill` does."""
        del self._tags[node_id]
        process = self._processes.pop(node_id)
        process.terminate()
        process.wait(30)

    def non_terminated_nodes(self, tag_filters: Mapping[str, str]) -> list[str]:
        """The ids of the nodes with these tags."""
        return [name for name, tags in self._tags.items() if tag_filters.items() <= tags.items()]

    def is_running(self, node_id: str) -> bool:
        """Whether there is such a node."""
        return node_id in self._tags

    def is_terminated(self, node_id: str) -> bool:
        """Whether there is none any more."""
        return node_id not in self._tags

    def node_tags(self, node_id: str) -> dict[str, str]:
        """A node's tags."""
        return self._tags[node_id]

    def set_node_tags(self, node_id: str, tags: Mapping[str, str]) -> None:
        """Add to a node's tags."""
        self._tags[node_id].update(tags)

    def external_ip(self, node_id: str) -> str:
        """Its id: see `NODE_ID`."""
        return node_id

    def internal_ip(self, node_id: str) -> str:
        """Its id: see `NODE_ID`."""
        return node_id

    def _start(self, name: str, cpus: int) -> "subprocess.Popen[bytes]":
        words = ["start", "--block", f"--address={self.provider_config['address']}", f"--num-cpus={cpus}"]
        words += ["--node-ip-address=127.0.0.1", "--disable-usage-stats", f"--memory={MEMORY}"]
        words += [f"--object-store-memory={MEMORY // 4}", "--min-worker-port=0", "--max-worker-port=0"]
        log = Path(os.environ["HOME"]) / f"worker-{name[-4:]}.log"
        with log.open("wb") as output:
            return subprocess.Popen(
                [str(Path(sys.executable).with_name("ray")), *words],
                env=os.environ | {NODE_ID: name},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @staticmethod
    def bootstrap_config(cluster_config: dict[str, Any]) -> dict[str, Any]:
        """The configuration as it is."""
        return cluster_config
