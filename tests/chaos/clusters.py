"""Ray clusters of several fake nodes on this machine, for tests."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.ray_engine.runtime import (
    ALWAYS,
    LOOPBACK_ONLY,
    environment_restored,
    set_environment,
)

HEALTH_CHECKS = {  # quicker than Ray's own: a dead node is noticed after about 6 s instead of 17 s
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


@contextmanager
def two_nodes(quick_checks: bool = True, **second: float) -> Iterator[tuple[Any, Any]]:
    """A cluster of two nodes of one slot, and its second node; tasks see KNOCKCAST_TEST_NODE one or two.

    `second` says what the second node has instead, GPUs that there are none of, too: num_cpus=2, num_gpus=1.
    Without `quick_checks` Ray takes its own time, a minute, to call a node dead.
    """
    with environment_restored():
        token = os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32)
        set_environment({**ALWAYS, **LOOPBACK_ONLY, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token})
        from ray.cluster_utils import Cluster

        here = {
            "PYTHONPATH": str(Path(__file__).parents[2])
        }  # tests are not part of the code that is shipped
        head = {
            "num_cpus": 1,
            "num_gpus": 0,
            "include_dashboard": False,
            "env_vars": {"KNOCKCAST_TEST_NODE": "one", **here},
            "_system_config": HEALTH_CHECKS if quick_checks else {},
        }
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            resources = {"num_cpus": 1, "num_gpus": 0} | second
            yield cluster, cluster.add_node(**resources, env_vars={"KNOCKCAST_TEST_NODE": "two", **here})
        finally:
            cluster.shutdown()
