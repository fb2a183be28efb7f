"""A cluster of two nodes, one of which is killed and replaced while a round's run works on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from cluster.ray_engine.runtime import IN_A_JOB
from tests.chaos.clusters import two_nodes
from tests.chaos.torture.driver import Driver
from tests.chaos.torture.places import Place, Places

ROOT = Path(__file__).parents[3]


@contextmanager
def coming_and_going(work: Path) -> Iterator[Places]:
    """Stores in folders, and runs on a cluster that loses its second node and gets another."""
    # Nodes of one machine share a folder for shipped code; one that starts empties it: nothing is shipped.
    environment = {IN_A_JOB: "{}", "PYTHONPATH": str(ROOT)}
    with two_nodes() as (cluster, second):
        nodes = [second]

        def replaced(driver: Driver, rng: Random) -> None:
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            driver.go_on_for(rng.uniform(0.0, 2.0))
            nodes.append(cluster.add_node(num_cpus=1, num_gpus=0, env_vars={"PYTHONPATH": str(ROOT)}))

        yield lambda number: Place(
            "a folder, on nodes that come and go",
            str(work / f"round-{number}"),
            "node killed and replaced",
            replaced,
            ("--address", cluster.address),
            environment,
        )
