"""Where and how the work runs: storage, Ray, commands. The only importer of Ray."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.execution.run import run
    from cluster.results.store import Store
    from tasks.samples.prepare import Reading

__all__ = ["Reading", "Store", "run"]

_HOMES = {
    "Reading": "tasks.samples.prepare",
    "Store": "cluster.results.store",
    "run": "cluster.execution.run",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name when it is first asked for: a worker needs neither pandas nor DuckDB to start."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
