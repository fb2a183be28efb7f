"""What other installed packages add: the entry points of a group, found without importing any of them.

A package adds something by naming it in its pyproject.toml, for example

    [project.entry-points."knockcast.candidates"]
    splines = "my_package.splines:Splines"

Nothing of a package is imported until its plug-in is asked for by name, so that a broken one harms nobody who
does not use it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

CANDIDATES = "knockcast.candidates"
METHODS = "knockcast.methods"


@dataclass(frozen=True)
class Plugin:
    """One entry point: its name and group, the distribution it comes from, and what it points to.

    `entry_point` is "module:name". `also_in` lists other distributions ("NAME VERSION") that claim the same
    name: then none of them can be used.
    """

    name: str
    group: str
    distribution: str
    version: str
    entry_point: str
    also_in: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The distribution and its version, for messages."""
        return f"{self.distribution} {self.version}"

    def load(self, built_in: Collection[str] = ()) -> object:
        """Import what the entry point points to.

        Raises ValueError, naming the distributions, where another one or something built in (`built_in`) has
        the same name, or where importing it fails in whatever way.
        """
        self.refuse_collision(built_in)
        try:
            loaded: object = EntryPoint(self.name, self.entry_point, self.group).load()
        except Exception as error:
            raise ValueError(
                f"{self.group} {self.name!r}: {self.entry_point} of {self.source} cannot be imported "
                f"({type(error).__name__}: {error}); update or uninstall {self.distribution}"
            ) from error
        return loaded

    def refuse_collision(self, built_in: Collection[str] = ()) -> None:
        """Raises ValueError where the name is taken: by something built in, or by another distribution."""
        claimants = [*(["knockcast itself"] if self.name in built_in else []), *self.also_in]
        if claimants:
            raise ValueError(
                f"{self.group} {self.name!r} is claimed by {self.source} and by {' and '.join(claimants)}; "
                f"uninstall all but one of the packages that add it"
            )


@cache
def discover(group: str) -> Mapping[str, Plugin]:
    """The plug-ins of a group, by name; found once a process, and not imported."""
    found: dict[str, list[Plugin]] = {}
    for entry in entry_points(group=group):
        # Ours at once: where the back-port importlib_metadata is loaded, entries are of its own class.
        name, version = ("unknown", "") if entry.dist is None else (entry.dist.name, entry.dist.version)
        found.setdefault(entry.name, []).append(Plugin(entry.name, group, name, version, entry.value))
    return {name: _joined(claimants) for name, claimants in sorted(found.items())}


def _joined(claimants: list[Plugin]) -> Plugin:
    """The first by distribution, with the others named in `also_in`."""
    first, *others = sorted(claimants, key=lambda one: (one.distribution, one.version, one.entry_point))
    return replace(first, also_in=tuple(f"{one.distribution} {one.version}" for one in others))
