"""What becomes of preparations that fail: each method and fold is tried a few times, then the run ends."""

from collections import Counter, defaultdict

from cluster.errors import ClusterError, PreparationError
from cluster.scheduling.shards import FailureKind
from cluster.store.units import MethodFold

PREPARATION_ATTEMPTS = 3  # how often one may fail by its own work: an error, a killed worker, its deadline
LOST_PREPARATIONS = 10  # how often its node may die, or its result be lost with one


class FailedPreparations:
    """Counts the failures of each method and fold, and where they were."""

    def __init__(self) -> None:
        self._failures: Counter[MethodFold] = Counter()
        self._losses: Counter[MethodFold] = Counter()
        self._nodes: defaultdict[MethodFold, set[str]] = defaultdict(set)

    def add(self, method_fold: MethodFold, kind: FailureKind, error: str, node: str = "") -> None:
        """Take in a failure on a node ("" where that is not known).

        Raises PreparationError for the last of several errors, and ClusterError where workers were killed,
        hung or lost with their nodes: then nothing says that the code is to blame.
        """
        if node:
            self._nodes[method_fold].add(node)
        lost = kind in ("node", "cancelled")
        (self._losses if lost else self._failures)[method_fold] += 1
        if lost and self._losses[method_fold] < LOST_PREPARATIONS:
            return
        if not lost and self._failures[method_fold] < PREPARATION_ATTEMPTS:
            return
        count = LOST_PREPARATIONS if lost else PREPARATION_ATTEMPTS
        ending = PreparationError if kind == "error" else ClusterError
        raise ending(
            f"{method_fold} could not be prepared, tried {count} times; last {kind}: {error}\n"
            "No target was put in quarantine for it. What is committed stays: mend the cause, then run "
            "`knockcast resume` on the store"
        )

    def nodes(self, method_fold: MethodFold) -> frozenset[str]:
        """Where it failed: to be avoided."""
        return frozenset(self._nodes[method_fold])
