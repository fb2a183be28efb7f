"""A reader for a program that is asked many things of one store, as it was when the program began."""

from collections.abc import Callable, Collection, Iterator, Sequence
from threading import Lock, RLock
from typing import Any, TypeVar

import pyarrow as pa

from cluster.explorer.target_tables import TargetTables
from cluster.store.filesystem import FileSystem
from cluster.store.reader import StoreReader
from cluster.store.units import Unit

T = TypeVar("T")


class KeptReader(StoreReader):
    """Reads a store like any reader, but remembers what is costly, and finds rows of a target in `tables`.

    All is as of the first question: `refresh` would mix two states. Several threads may ask.
    """

    keeps = True

    def __init__(self, fs: FileSystem) -> None:
        super().__init__(fs)
        self.tables: TargetTables | None = None
        self._kept: dict[str, Any] = {}
        self._locks: dict[str, RLock] = {}
        self._lock = Lock()

    def remember(self, name: str, make: Callable[[], T]) -> T:
        """What `make` made when it was first asked for; who asks meanwhile waits."""
        with self._lock:
            lock = self._locks.setdefault(name, RLock())
        with lock:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]

    def wanted_units(self) -> set[Unit]:
        """The units of every plan."""
        return self.remember("wanted units", super().wanted_units)

    def wanted_of(self, target: str) -> set[Unit]:
        """Those of one target."""
        return self.remember("wanted units by target", self._by_target).get(target, set())

    def datasets(self) -> list[str]:
        """Where the runs into this store found their dataset."""
        return self.remember("datasets", super().datasets)

    def quarantined(self) -> dict[Unit, list[Any]]:
        """The units set aside, with their errors."""
        return self.remember("quarantined", super().quarantined)

    def targets(self) -> pa.Table | None:
        """The facts of the dataset's targets."""
        return self.remember("targets", super().targets)

    def pieces(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        targets: Collection[str] | None = None,
        method: str | None = None,
        dictionaries: bool = False,
    ) -> Iterator[pa.Table]:
        """The committed rows of a table: of some targets, from `tables` (text as text) if there."""
        if targets is None or self.tables is None or not self.tables.has(name, columns):
            yield from super().pieces(name, columns, targets, method, dictionaries)
            return
        yield self.tables.rows(name, columns, targets, method)

    def _by_target(self) -> dict[str, set[Unit]]:
        found: dict[str, set[Unit]] = {}
        for unit in self.wanted_units():
            if not unit.is_fold_level:
                found.setdefault(unit.target, set()).add(unit)
        return found
