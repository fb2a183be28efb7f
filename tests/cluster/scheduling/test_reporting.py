"""What a run says: the time left while its folds are prepared, and which nodes have gone."""

from cluster.observing.events import Event, Silent
from cluster.scheduling.executor import Receipt
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.reporting import Reporter
from cluster.scheduling.shards import Committed, Shard, name_shard
from cluster.store.units import MethodFold, Unit
from tests.cluster.scheduling.scripted import Clock

RUN = "f" * 64


def shard_of(target: str, fold: int) -> Shard:
    return name_shard(RUN, [Unit("kernel", target, fold)])


def test_a_fold_that_waits_to_be_prepared_counts_with_what_the_last_one_took() -> None:
    clock = Clock()
    shards = [shard_of(target, fold) for fold in (0, 1) for target in ("A", "B")]
    ledger = Ledger(shards, RUN, slots=1)
    reporter = Reporter(Silent(), ledger, clock, estimate=lambda shard: 10.0)
    reporter.begin(shards)
    ledger.begin()

    reporter.preparing({MethodFold("kernel", 0): 0})
    clock.now = 8.0
    reporter.preparing({})
    reporter.began(shards[0], 0)
    assert reporter.snapshot().left is None
    clock.now = 28.0  # twice its estimate
    ledger.handle(Committed(shards[0].key))
    reporter.committed(shards[0], 0, [], Receipt(shards[0].key, 0, True, {"ok": 1}, 20.0, "here"), "node")
    assert reporter.snapshot().left == 3 * 20.0 + 8.0
    reporter.preparing({MethodFold("kernel", 1): 0})
    clock.now = 31.0
    assert reporter.snapshot().left == 3 * 20.0 + 8.0 - 3.0

    reporter.began(shards[2], 0)  # a preparation so quick that its end was not seen
    assert reporter.snapshot().left == 3 * 20.0
    assert reporter.snapshot().left_by_method == {"kernel": 3 * 20.0}


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def take(self, event: Event) -> None:
        self.texts.append(event.more["text"])


def test_nodes_that_have_gone_are_named_once() -> None:
    heard = Heard()
    reporter = Reporter(heard, Ledger([], RUN, slots=1), Clock())
    reporter.nodes({"1": "one", "2": "two", "3": "three"})
    reporter.nodes({"1": "one", "2": "two", "3": "three", "4": "four"})
    assert heard.texts == []
    reporter.nodes({"1": "one", "3": "three", "4": "four"})
    reporter.nodes({"3": "three"})
    reporter.nodes({"3": "three"})
    assert heard.texts == [
        "a node is gone (two): any shard there begins again elsewhere",
        "2 nodes are gone (four, one): any shard there begins again elsewhere",
    ]
    reporter.nodes({str(number): f"n{number}" for number in range(9)})
    reporter.nodes({})
    assert "9 nodes are gone (n0, n1, n2, n3, n4, ...): any" in heard.texts[-1]
