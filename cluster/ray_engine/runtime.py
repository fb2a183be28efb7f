"""Starting or joining Ray: authentication, addresses, what is shipped to workers, and quiet logs.

Ray reads its settings from the environment when it is first imported. So nothing here imports it before they
are set, and `connected` is the only way in. `RAY_AUTH_MODE` is always set: otherwise Ray writes a token to
`~/.ray` that everyone can read, or runs without one.
"""

import importlib
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from cluster.errors import RefusedError
from cluster.libraries import UsedPlugin
from cluster.ray_engine.addresses import advice, auth_mode, check_address, host_of, require_token
from cluster.ray_engine.identity import (
    check_plugins,
    code_to_ship,
    fingerprint,
    job_config,
    package_folders,
)
from cluster.ray_engine.local.folders import own_folder, remove
from cluster.ray_engine.local.guardian import begun_by, guarded
from cluster.ray_engine.watch import RayWatch
from cluster.scheduling.executor import Executor, Needs, Preparation, Requirements, Work
from cluster.scheduling.in_process import InProcessExecutor
from cluster.store.places.endpoints import ENDPOINTS, checked_endpoint
from cluster.store.units import MethodFold
from tasks.errors import BadInputError

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
ALWAYS = {
    "RAY_task_oom_retries": "0",  # without it Ray repeats a task that runs out of memory without end
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anyone
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # tasks without a GPU leave CUDA_VISIBLE_DEVICES alone
}
LOOPBACK_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray then binds every port to 127.0.0.1
NO_HURRY = {
    # For Ray on this machine alone, where no node can take over. A node that got no CPU for a while, or slept
    # with its laptop, must not be declared dead: Ray would then end the driver without a message.
    "health_check_period_ms": 10_000,
    "health_check_timeout_ms": 60_000,
    "health_check_failure_threshold": 60,
}
KEEPALIVE = {  # else a call to a node that has fallen silent ends after seven minutes: docs/cluster.md
    "RAY_grpc_client_keepalive_time_ms": "65000",
    "RAY_grpc_client_keepalive_timeout_ms": "20000",
}
OWN_CHOICE = 0.25  # of the memory: less is surely in the store that Ray makes by itself
OF_BUCKETS = (*ENDPOINTS, "AWS_REGION", "AWS_DEFAULT_REGION")
IN_A_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # Ray sets it for a submitted job, whose code it has shipped


@contextmanager
def open_executor(
    work: Work,
    prepare: Callable[[Any, MethodFold], Any],
    shared: Any,
    address: str = "local",
    workers: int | None = None,
    insecure: bool = False,
    gpu_methods: frozenset[str] = frozenset(),
    plugins: Sequence[UsedPlugin] = (),
    needs: Needs | None = None,
) -> Iterator[Executor]:
    """The executor for a run: in process for 0 workers, else Ray, which is stopped or left with the block.

    `address` is `local`, `auto` or HOST:PORT; `workers` None means all slots there are. Jobs of `gpu_methods`
    need a part of a GPU; RefusedError where Ray has none. RefusedError, too, where this process lacks one of
    the `plugins` that the run uses; workers check theirs before they begin.
    """
    package_folders()  # a shadowed package is found before anything starts
    check_plugins(plugins)
    needs = needs or Needs()
    preparation = Preparation(prepare, shared, Requirements(fingerprint(), tuple(plugins)), needs)
    if workers == 0:
        yield InProcessExecutor(work, preparation)
        return
    with connected(address, workers, insecure, needs.shared) as watch:
        from cluster.ray_engine.executor import RayExecutor  # noqa: PLC0415 - Ray comes after its settings

        most_slots = None if address == "local" else workers
        yield RayExecutor(work, preparation, most_slots, gpu_methods, watch)


def slots_of(workers: int | None) -> int:
    """How many jobs run at one time on this machine with `--workers`."""
    if workers is not None:
        return max(1, workers)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def connected(
    address: str = "local", workers: int | None = None, insecure: bool = False, shared: int = 0
) -> Iterator[RayWatch]:
    """Ray, started on this machine (`local`, with `workers` slots) or joined (`auto`, `HOST:PORT`).

    A Ray started here listens on loopback only, requires a random token, and ends with the block. Whoever
    waits for Ray asks the watch whether it is still there. Raises
    BadInputError for an address of another form or where no cluster answers, RefusedError for an open one
    without a token (unless `insecure`).
    """
    with environment_restored(), ExitStack() as tidied:
        if address == "local":
            folder, before = own_folder(), begun_by(os.getpid())
            _start_local(slots_of(workers), shared, folder)  # where it fails, the folder stays: it says why
            tidied.callback(remove, folder)
            tidied.enter_context(guarded(before))
        else:
            _join(address, insecure)
        import ray  # noqa: PLC0415 - after its settings
        import ray._private.worker  # noqa: PLC0415

        # Ray prints paragraphs for every killed worker; the ledger's story has one line.
        ray._private.worker.print_to_stdstream = _log_quietly
        try:
            watch = RayWatch(_vital_addresses())
            with watch.watching():
                yield watch
        finally:
            ray.shutdown()


def _vital_addresses() -> dict[str, str]:
    """What a run cannot do without, of the Ray that is connected."""
    import ray  # noqa: PLC0415 - after its settings

    here = ray.get_runtime_context()
    (node,) = [each for each in ray.nodes() if each["NodeID"] == here.get_node_id()]
    raylet = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
    return {"Ray's head": here.gcs_address, "Ray's raylet on this machine": raylet}


@contextmanager
def environment_restored() -> Iterator[None]:
    """Leave the environment as it was: the next run must not take one run's random token for the user's."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        set_environment(before)


def set_environment(settings: Mapping[str, str]) -> None:
    """Set Ray's variables for this process and its children."""
    os.environ.update(settings)
    if "ray" in sys.modules:  # it has read them already; this is how Ray applies a changed mode or token
        from ray._raylet import (  # type: ignore[attr-defined]  # noqa: PLC0415
            AuthenticationTokenLoader,
            Config,
        )

        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()


def _log_quietly(data: Mapping[str, Any], ignore_prefix: bool) -> None:
    del ignore_prefix
    logging.getLogger(__name__).debug("%s: %s", data.get("pid"), "\n".join(data["lines"]))


def _store_size(shared: int) -> int | None:
    """Bytes of the object store of a Ray of our own; None where Ray's choice (30 % of the memory) will do.

    A larger one is half the memory at most: workers need the rest.
    """
    from ray._common.utils import get_system_memory  # noqa: PLC0415 - after its settings

    memory = int(get_system_memory())  # of the container, where it has a limit
    return None if shared < OWN_CHOICE * memory else min(int(1.1 * shared), memory // 2)


def _start_local(slots: int, shared: int, folder: str) -> None:
    token = os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32)
    set_environment({**ALWAYS, **LOOPBACK_ONLY, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token})
    import ray  # noqa: PLC0415 - after its settings

    ray.init(
        address="local",  # without it Ray would join whatever cluster runs on this machine
        num_cpus=slots,
        object_store_memory=_store_size(shared),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=f"{folder}/r",  # which Ray opens to all; the folder around it stays closed
        runtime_env={"env_vars": ONE_THREAD},
        job_config=job_config(),
        _system_config=NO_HURRY,
    )


def _join(address: str, insecure: bool) -> None:
    address = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    check_address(address, insecure)
    unset = {name: value for name, value in KEEPALIVE.items() if name not in os.environ}
    set_environment(ALWAYS | unset | {"RAY_AUTH_MODE": auth_mode(os.environ)})
    import ray  # noqa: PLC0415 - after its settings

    _load_our_code()
    try:
        with runtime_environment(os.environ) as settings:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env=settings,
                job_config=job_config(),
            )
    except ray.exceptions.AuthenticationError as error:
        raise RefusedError(f"{address}: the cluster refused our token; {advice()}") from error
    except ConnectionError as error:
        raise BadInputError(f"--address {address}: no Ray cluster answers there ({error})") from error
    try:
        require_token(host_of(ray.get_runtime_context().gcs_address), insecure)  # what `auto` has found
    except RefusedError:
        ray.shutdown()
        raise


def _load_our_code() -> None:
    """Import what uses Ray before we connect.

    In a submitted job our code lies in a folder of Ray's. Where several nodes share a machine, one may tidy
    that folder away while the job runs; what is imported by then is not missed.
    """
    for name in ("executor", "metrics"):
        importlib.import_module(f"cluster.ray_engine.{name}")


@contextmanager
def runtime_environment(environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """For a joined cluster: one thread a task, and our code, unless a submitted job has shipped it.

    What the job's own environment sets is left to it: Ray refuses to be told a variable twice.
    """
    variables = {**ONE_THREAD, **where_buckets_are(environment)}
    if IN_A_JOB in environment:
        told = json.loads(environment[IN_A_JOB]).get("runtime_env", {}).get("env_vars", {})
        yield {"env_vars": {name: value for name, value in variables.items() if name not in told}}
        return
    with code_to_ship() as code:
        yield {"env_vars": variables, **code}


def where_buckets_are(environment: Mapping[str, str]) -> dict[str, str]:
    """What workers must know to find our buckets. Credentials are never sent: each node has its own.

    Raises BadInputError for an endpoint that is no address.
    """
    found = {name: environment[name] for name in OF_BUCKETS if environment.get(name)}
    for name in ENDPOINTS:
        if name in found:
            checked_endpoint(name, found[name])
    return found
