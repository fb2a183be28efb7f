"""Which plug-ins of other packages a run uses: in run.json, in plans, and checked before work goes on.

run.json names those that the store's first run used; a plan those that it used. A candidate's is fixed by the
preset, so only methods can come later.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cluster.libraries import UsedPlugin
from cluster.runs.fields import RunOptions
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from modeling import plugins
from modeling.candidates.registry import BUILT, PRESETS
from tasks.errors import BadInputError

KINDS = {"candidate": plugins.CANDIDATES, "method": plugins.METHODS}


def used_plugins(options: RunOptions, methods: Iterable[str]) -> tuple[UsedPlugin, ...]:
    """The plug-ins that these options and methods use, as they are installed here; sorted."""
    candidates = () if options.preset in PRESETS else options.candidates
    named = [("candidate", name) for name in candidates if name not in BUILT]
    named += [("method", name) for name in methods]
    found = (_installed(kind, name) for kind, name in named)
    return tuple(sorted({plugin for plugin in found if plugin is not None}))


def plugins_body(used: Iterable[UsedPlugin]) -> dict[str, Any]:
    """The entry `plugins` of run.json or a plan; nothing without any: other runs keep their digest."""
    listed = {
        f"{plugin.kind} {plugin.name}": {"distribution": plugin.distribution, "version": plugin.version}
        for plugin in used
    }
    return {"plugins": listed} if listed else {}


def plugins_of(body: Mapping[str, Any]) -> tuple[UsedPlugin, ...]:
    """What `plugins_body` put into a body."""
    entries = sorted(body.get("plugins", {}).items())
    named = [(name.split(" ", 1), entry["distribution"], entry["version"]) for name, entry in entries]
    return tuple(UsedPlugin(kind, name, *rest) for (kind, name), *rest in named)


def plugins_in_plans(reader: StoreReader) -> tuple[UsedPlugin, ...]:
    """The plug-ins that a store's plans name."""
    bodies = [reader.body(path) for path in reader.fs.paths(layout.PLANS)]
    return tuple(plugin for body in bodies for plugin in plugins_of(body))


def stored_plugins(store: str | None, used: tuple[UsedPlugin, ...]) -> tuple[UsedPlugin, ...]:
    """What run.json names, or will: what the first run used. Raises BadInputError as `check_stored`."""
    if store is None or not open_filesystem(store).exists(layout.RUN):
        return used
    reader = StoreReader.open(store)
    recorded = plugins_of(reader.run)
    check_stored(store, recorded + plugins_in_plans(reader))
    return recorded


def check_stored(store: str, stored: Iterable[UsedPlugin]) -> None:
    """BadInputError, naming each plug-in of a store that is not installed here, or in another version."""
    problems = []
    for plugin in sorted(set(stored)):
        here = _installed(plugin.kind, plugin.name)
        if here is None:
            problems.append(f"{store}: {plugin} is not installed here; install it")
        elif here != plugin:
            problems.append(
                f"{store}: made with {plugin}, but {here.distribution} {here.version} is installed; install "
                f"{plugin.distribution} {plugin.version}, or make a new store"
            )
    if problems:
        raise BadInputError(problems)


def _installed(kind: str, name: str) -> UsedPlugin | None:
    plugin = plugins.discover(KINDS[kind]).get(name)
    return UsedPlugin(kind, name, plugin.distribution, plugin.version) if plugin else None
