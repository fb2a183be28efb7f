"""Candidates and methods from other installed packages, found by their entry points."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

CANDIDATES, METHODS = "knockcast.candidates", "knockcast.methods"  # the groups of entry points


@dataclass(frozen=True)
class Plugin:
    """What another distribution offers under a name; nothing of it is imported before `load`."""

    name: str
    distribution: str
    version: str
    entry_point: str  # module:object

    def __str__(self) -> str:
        """As a message names it."""
        return f"{self.name!r} of {self.distribution} {self.version} ({self.entry_point})"

    def load(self) -> Any:
        """The object itself: what the entry point names, called if it is a class.

        Raises ValueError, naming the plug-in, where it cannot be imported.
        """
        try:
            found = EntryPoint(self.name, self.entry_point, "").load()
            return found() if isinstance(found, type) else found
        except Exception as error:  # whatever another package's import raises must name that package
            raise ValueError(f"plug-in {self} cannot be loaded: {type(error).__name__}: {error}") from error


@cache
def discover(group: str) -> dict[str, Plugin]:
    """The plug-ins of a group by name; looked for once a process.

    Raises ValueError where two distributions offer one name.
    """
    found: dict[str, Plugin] = {}
    for point in entry_points(group=group):
        distribution = point.dist
        name, version = (distribution.name, distribution.version) if distribution else ("unknown", "unknown")
        plugin = Plugin(point.name, name, version, point.value)
        other = found.setdefault(point.name, plugin)
        if other != plugin:
            raise ValueError(f"{group}: {plugin} and {other} have one name; uninstall one of them")
    return found
