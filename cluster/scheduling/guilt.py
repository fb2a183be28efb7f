"""Who is to blame for what fails: a target, a node, or what everything runs on.

Plain data in, a verdict out: no clock, disk or network. A target is guilty only if it fails alone while other
work lives. The ledger tells of every attempt that ended, and asks.
"""

import builtins
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cluster.scheduling.shards import FailureKind
from cluster.store.units import Unit

FAILURES_ALONE = 3  # a target that failed by itself this often is guilty, if nothing speaks for it
MOST_FAILURES = 12  # and this often whatever speaks for it
DIFFERENT = 3  # so many different targets that fail in a row, with no success between, are not to blame
DOUBT = 1e-6  # the chance that a healthy target fails so often in a row, above which it is tried again
DOUBT_OF_FEW = 3e-4  # the same where only a few targets are left, which all fail
RECENT = 40  # attempts from which that chance is estimated
STORM = 0.1  # such a share of failures that were nobody's fault, and targets may fail in a row by chance
ENVIRONMENT = (OSError, MemoryError, ImportError)  # errors that a broken machine raises in any work
OF_THE_STORE = frozenset({"StorageError", "MissingFileError", "ReadOnlyError", "DamagedFileError"})  # as well


@dataclass(frozen=True)
class Failure:
    """An attempt that ended without a commit. `number` orders events; 0 is before this run."""

    units: frozenset[Unit]
    node: str  # "" where it is not known
    sign: str  # failures of one cause look alike
    number: int = 0


def sign_of(kind: FailureKind, error: str) -> str:
    """What failures of one cause have in common: their kind and, of an error, its class.

    Those that a broken machine may cause begin with `!`.
    """
    if kind != "error":
        return "!killed" if kind in ("killed", "node", "cancelled") else kind
    name = error.partition(":")[0]
    if name in OF_THE_STORE:
        return "!StorageError"
    known = getattr(builtins, name, None)
    for environmental in ENVIRONMENT:
        if isinstance(known, type) and issubclass(known, environmental):
            return f"!{environmental.__name__}"
    return name


def is_environmental(sign: str) -> bool:
    """Whether a broken machine may be the cause."""
    return sign.startswith("!")


def names_of(units: Iterable[Unit]) -> frozenset[str]:
    """What failed, whatever fold it was in: a bad target is bad in all."""
    return frozenset(unit.target or f"*{unit.method} {unit.work}" for unit in units)


class Evidence:
    """What has been seen so far in one run."""

    def __init__(self) -> None:
        self.attempts = 0  # that have ended
        self._anywhere: deque[Failure] = deque(maxlen=RECENT)  # since the last success
        self._on: defaultdict[str, deque[Failure]] = defaultdict(lambda: deque(maxlen=RECENT))
        self._last_success: dict[str, int] = {}  # by node
        self._recent: dict[str, deque[bool]] = {}  # by sign: successes, and failures that were nobody's fault
        self._unsettled: defaultdict[Unit, list[tuple[Failure, set[Unit]]]] = defaultdict(list)
        self._alone: Counter[Unit] = Counter()

    def succeeded(self, units: Collection[Unit], node: str) -> None:
        """A commit. Failures all of whose units are committed by now were nobody's fault."""
        self.attempts += 1
        self._anywhere.clear()
        self._on[node].clear()
        self._last_success[node] = self.attempts
        for recent in self._recent.values():
            recent.append(False)
        for unit in units:
            for failure, left in self._unsettled.pop(unit, ()):
                left.discard(unit)
                if not left:
                    self._recent[failure.sign].append(True)

    def failed(self, units: Collection[Unit], node: str, kind: FailureKind, error: str) -> Failure:
        """An attempt that ended without a commit."""
        self.attempts += 1
        failure = Failure(frozenset(units), node, sign_of(kind, error), self.attempts)
        self._recent.setdefault(failure.sign, deque(maxlen=RECENT))
        left = set(units)
        for unit in units:
            self._unsettled[unit].append((failure, left))
        if len(units) == 1:
            self._alone.update(units)
        is_storm = self.chance(failure.sign) > STORM
        if is_storm or not self._suspected(units):  # else they say nothing of where they ran
            self._anywhere.append(failure)
            self._on[node].append(failure)
        return failure

    def condemned(self, unit: Unit) -> None:
        """It is to blame for the failures it had part in, and no longer speaks for others."""
        for _, left in self._unsettled.pop(unit, ()):
            for other in left - {unit}:
                self._unsettled[other] = [entry for entry in self._unsettled[other] if entry[1] is not left]

    def fails_on(self, node: str) -> bool:
        """Whether different targets failed alike on a node since something succeeded there."""
        return _different(self._on[node]) >= DIFFERENT

    def fails_everywhere(self) -> bool:
        """Whether different targets failed alike since something succeeded anywhere."""
        return _different(self._anywhere) >= DIFFERENT

    def chance(self, sign: str) -> float:
        """How often an attempt fails so for no fault of its own, as far as known."""
        recent = self._recent.get(sign, ())
        return sum(recent) / len(recent) if recent else 0.0

    def is_guilty(self, unit: Unit, failures: Sequence[Failure], nodes: Collection[str] = ()) -> bool:
        """Whether a unit that failed alone is to blame; `nodes` are those where work may run.

        It is not yet, where it failed less than three times; where another node may do it and nothing else
        lived where it failed; and where work fails so often for no fault of its own that this may be chance.
        """
        count = len(failures)
        if count < FAILURES_ALONE or count >= MOST_FAILURES:
            return count >= MOST_FAILURES
        if self._only_on_a_doubtful_node(failures, nodes):
            return False
        signs = {failure.sign for failure in failures}
        if len(signs) > 1 or not is_environmental(failures[-1].sign):
            return True
        is_chance = self.chance(failures[-1].sign) ** count > DOUBT
        return not is_chance and self._others_that_fail(unit, failures) < DIFFERENT - 1

    def _only_on_a_doubtful_node(self, failures: Sequence[Failure], nodes: Collection[str]) -> bool:
        places = {failure.node for failure in failures if failure.node}
        if len(places) != 1 or not set(nodes) - places:
            return False
        first = min(failure.number for failure in failures)
        return self._last_success.get(places.pop(), -1) < first

    def _others_that_fail(self, unit: Unit, failures: Sequence[Failure]) -> int:
        """How many different targets failed alike meanwhile, not so often as to be suspects themselves."""
        first, sign = min(failure.number for failure in failures), failures[-1].sign
        entries = {id(left): (f, left) for some in self._unsettled.values() for f, left in some}
        alike = [
            failure
            for failure, _ in entries.values()
            if failure.sign == sign
            and failure.number > first
            and not names_of(failure.units) & names_of([unit])
            and not self._suspected(failure.units)
        ]
        return _different(alike)

    def _suspected(self, units: Collection[Unit]) -> bool:
        return any(self._alone[unit] >= FAILURES_ALONE - 1 for unit in units)


def _different(failures: Collection[Failure]) -> int:
    """How many of the failures that look like the last have no target in common, at most."""
    if not failures:
        return 0
    sign = list(failures)[-1].sign
    alike = sorted((names_of(f.units) for f in failures if f.sign == sign), key=len)
    seen: set[str] = set()
    count = 0
    for names in alike:
        if not names & seen:
            seen |= names
            count += 1
    return count
