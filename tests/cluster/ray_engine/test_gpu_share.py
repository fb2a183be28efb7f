import pytest

from cluster.errors import RefusedError
from cluster.ray_engine.gpu_share import MOST_TASKS, share_on


def node(cpus: float, gpus: float, alive: bool = True) -> dict[str, object]:
    return {"Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus, "memory": 1e9}}


@pytest.mark.parametrize(
    ("nodes", "tasks", "num_gpus", "slots"),
    [
        ([node(4, 1)], 4, 0.25, 4),
        ([node(3, 2)], 2, 0.5, 3),  # two thirds of a GPU each would leave room for two
        ([node(3, 1)], 3, 0.3333, 3),
        ([node(1, 4)], 1, 1.0, 1),
        ([node(64, 1)], MOST_TASKS, 0.0625, MOST_TASKS),
        ([node(8, 0), node(4, 1)], 4, 0.25, 4),  # only nodes with a GPU take such tasks
        ([node(8, 4), node(4, 1), node(0, 1), node(2, 1, alive=False)], 4, 0.25, 12),
        ([node(7, 1)], 7, 0.1428, 7),
    ],
)
def test_every_cpu_beside_a_gpu_gets_its_share(
    nodes: list[dict[str, object]], tasks: int, num_gpus: float, slots: int
) -> None:
    share = share_on(nodes)
    assert share.tasks == tasks
    assert share.num_gpus == pytest.approx(num_gpus, rel=1e-12)
    assert share.num_gpus * tasks <= 1
    assert share.slots(nodes) == slots


def test_a_cluster_that_changes_is_counted_anew() -> None:
    share = share_on([node(4, 1)])
    assert share.slots([node(4, 1), node(16, 2)]) == 4 + 8
    assert share.slots([node(4, 0)]) == 0


@pytest.mark.parametrize("nodes", [[], [node(4, 0)], [node(0, 1), node(4, 0)], [node(4, 1, alive=False)]])
def test_no_gpu_is_refused(nodes: list[dict[str, object]]) -> None:
    with pytest.raises(RefusedError, match="no node that has a GPU"):
        share_on(nodes)
