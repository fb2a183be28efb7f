"""What a store promises, as a machine that does what writers, readers and accidents do, in any order."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from cluster.maintenance.compact import compact, remove_replaced
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import Unit, shard_key
from cluster.store.writer import StoreWriter
from tests.made_stores import made_tables, made_writer, units_of

WANTED = units_of("ABCD", [0, 1])


def machine_over(new_place: Callable[[], str | Path], examples: int, steps: int) -> type:
    """The machine's test, whose stores begin at places that `new_place` gives; `checked` counts."""

    class Store(RuleBasedStateMachine):
        shards = Bundle("shards")
        checked: ClassVar[Counter[str]] = Counter()

        @initialize()
        def begin(self) -> None:
            self.place = new_place()
            self.writer = made_writer(self.place)  # type: ignore[arg-type]
            self.writer.add_plan(WANTED)
            self.committed: dict[Unit, float] = {}  # with what its rows say
            self.keys: dict[str, float] = {}
            self.sealed = False

        @rule(
            units=st.lists(st.sampled_from(WANTED), min_size=1, max_size=3, unique=True),
            shift=st.floats(0, 9),
            dies_before=st.sampled_from(["nothing", "nothing", "the commit", "the data"]),
        )
        def work_on_a_shard(self, units: list[Unit], shift: float, dies_before: str) -> None:
            """A worker takes an attempt, writes, commits; it may die anywhere, or come second."""
            units = sorted(units)
            writer = StoreWriter(open_filesystem(self.place), self.writer.run_digest)
            key = shard_key(writer.run_digest, units)
            attempt = writer.begin_attempt(key, {})
            if dies_before == "the data":
                return
            if dies_before == "the commit":
                writer.fs.create(layout.data_path("scores", key, attempt), b"half of a fil")
                return
            won = writer.commit(key, attempt, units, made_tables(units, shift), {})
            assert won == (key not in self.keys)
            if won:
                self.keys[key] = shift
                self.sealed = self.sealed and writer.fs.exists(layout.SUCCESS)

        @rule()
        def seal_and_unseal(self) -> None:
            self.writer.seal()
            assert verify(open_filesystem(self.place)).ok
            self.writer.unseal()

        @rule()
        def collect_garbage(self) -> None:
            gc(open_filesystem(self.place))
            gc(open_filesystem(self.place))

        @rule()
        def fold_into_packs(self) -> None:
            compact(open_filesystem(self.place))

        @rule()
        def remove_what_packs_replace(self) -> None:
            remove_replaced(open_filesystem(self.place), 0)

        @rule()
        def check_and_repair(self) -> None:
            report = verify(open_filesystem(self.place), repair=True)
            assert report.ok
            assert report.moved == ()

        @invariant()
        def readers_see_what_was_committed_first_and_nothing_else(self) -> None:
            self.checked["times every row was compared"] += 1
            reader = StoreReader(open_filesystem(self.place))
            assert {commit.key for commit in reader.commits()} == set(self.keys)
            counts = {}  # of a unit that several commits hold, the one with the smaller key
            for commit in sorted(reader.commits(), key=lambda each: each.key, reverse=True):
                counts |= dict.fromkeys(commit.units, self.keys[commit.key])
            rows = reader.table("scores")
            expected = {unit: _rows(unit, shift) for unit, shift in counts.items()}
            assert rows.num_rows == sum(len(each) for each in expected.values())
            assert sorted(map(str, rows.to_pylist())) == sorted(
                str(row) for each in expected.values() for row in each
            )

        def teardown(self) -> None:
            if isinstance(getattr(self, "place", None), Path):
                shutil.rmtree(self.place, ignore_errors=True)

    Store.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, database=None
    )
    Store.TestCase.checked = Store.checked
    return Store.TestCase


def new_folder() -> Path:
    """A folder for a store."""
    return Path(tempfile.mkdtemp(prefix="machine-"))


def _rows(unit: Unit, shift: float) -> list[dict[str, object]]:
    return list(made_tables([unit], shift)["scores"].to_pylist())
