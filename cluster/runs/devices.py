"""Which device a run uses: `auto` made sure, and a GPU that is asked for looked for."""

from importlib.metadata import version
from pathlib import Path

from cluster.ray_engine.runtime import connected
from cluster.runs.fields import RunOptions
from tasks.errors import BadInputError

DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))  # Linux, and Linux inside Windows


def device_for(options: RunOptions, asker: str = "--device cuda") -> str:
    """`cuda` or `cpu`, from `auto`, `cuda` or `cpu`, for work where the options say.

    `auto` is `cuda` where torch sees a GPU on this machine, and for work on a cluster only if that has one,
    too. Raises BadInputError, in the name of `asker`, where `cuda` is wanted and there is no GPU: on this
    machine for work on this machine, on any node for work on a cluster, which is joined for the question.
    """
    device = device_here(options.device)
    if device == "cpu":
        return device
    if options.is_here:
        if options.device == "cuda" and not sees_gpu():
            raise BadInputError(
                f"{asker}: torch {version('torch')} sees no GPU on this machine; that takes a driver and a "
                "CUDA build of torch (https://pytorch.org/get-started/locally). Go to a machine or cluster "
                "(--address) that has one, or make a new run with --device cpu"
            )
        return device
    if gpus_of_cluster(options):
        return device
    if options.device == "auto":
        return "cpu"
    raise BadInputError(
        f"{asker}: no node of the cluster at --address {options.address} has a GPU now; add one, or make a "
        "new run with --device cpu"
    )


def device_here(wanted: str) -> str:
    """What is wanted, `auto` being settled by this machine alone."""
    return wanted if wanted in ("cpu", "cuda") else "cuda" if sees_gpu() else "cpu"


def sees_gpu() -> bool:
    """Whether torch sees a GPU here; torch, which takes seconds, is asked only where a driver is."""
    if not any(path.exists() for path in DRIVERS):
        return False
    import torch  # noqa: PLC0415 - late for that reason

    return bool(torch.cuda.is_available())


def gpus_of_cluster(options: RunOptions) -> float:
    """How many GPUs the nodes of a cluster have, as Ray counts them."""
    with connected(options.address, options.workers, options.insecure):
        import ray  # noqa: PLC0415 - Ray comes after its settings

        return float(ray.cluster_resources().get("GPU", 0.0))
