import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from cluster.errors import DamagedFileError, StorageError
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.body import seal_json
from cluster.store.parquet import ROWS_AT_ONCE, sort_rows
from cluster.store.reader import StoreReader
from cluster.store.sealing import unseal_what_is_not_whole
from cluster.store.units import FINAL_FOLD, Unit
from tasks.errors import BadInputError
from tasks.tables.schemas import KEYS, SCHEMAS
from tests.made_stores import BODY, made_commit, made_store, made_tables, made_writer, units_of
from tests.promises import Measured


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def test_tables_come_sorted_with_their_schema(tmp_path: Path) -> None:
    reader = StoreReader(made_store(tmp_path, targets=("b", "C", "a-1", "é")).fs)
    for name, schema in SCHEMAS.items():
        table = reader.table(name)
        assert table.schema.equals(schema), name
        keys = list(zip(*(table.column(key).to_pylist() for key in KEYS[name]), strict=True))
        assert keys == sorted(set(keys)), name
    assert reader.table("scores").column("target").to_pylist()[::3] == ["C", "a-1", "b", "é"]
    assert reader.table("models").num_rows == 4


def test_sorting_weights_needs_no_32_bit_offsets() -> None:
    n = ROWS_AT_ONCE * 2 + 7
    order = [(i * 211) % n for i in range(n)]  # 211 and n have no common divisor: a permutation
    chunks = [
        pa.table({"target": [f"{i:06d}"], "weights": pa.array([b"%d" % i], pa.binary())}) for i in order
    ]
    table = sort_rows(pa.concat_tables(chunks), ("target",))
    assert table.column("weights").type == pa.binary()
    assert table.column("weights").to_pylist() == [b"%d" % i for i in range(n)]


def test_columns_and_targets_are_chosen_without_the_rest(tmp_path: Path) -> None:
    reader = StoreReader(made_store(tmp_path).fs)
    part = reader.table("predictions", ["predicted", "target"], targets={"B", "unheard of"})
    whole = reader.table("predictions")
    assert part.column_names == ["predicted", "target"]
    chosen = [row["predicted"] for row in whole.to_pylist() if row["target"] == "B"]
    assert part.column("predicted").to_pylist() == chosen


@pytest.mark.parametrize(
    ("name", "columns", "words"),
    [("nope", None, "'nope': there is none"), ("scores", ["x"], "has no column 'x'")],
)
def test_unknown_names_are_told(tmp_path: Path, name: str, columns: list[str] | None, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        StoreReader(made_writer(tmp_path).fs).table(name, columns)


def test_no_store_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"not a store \(no run\.json\), nothing is there"):
        StoreReader.open(tmp_path / "nothing")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BadInputError, match=r"not a store \(no run\.json\); expected"):
        StoreReader.open(tmp_path / "file")


def test_a_reader_sees_one_moment_until_refreshed(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    made_commit(writer, units_of("A", [0]))
    reader = StoreReader(writer.fs)
    assert reader.table("scores").num_rows == 1
    made_commit(writer, units_of("B", [0]))
    assert (reader.table("scores").num_rows, len(reader.committed_units())) == (1, 1)
    reader.refresh()
    assert (reader.table("scores").num_rows, len(reader.committed_units())) == (2, 2)


def test_a_refresh_reads_only_new_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = made_writer(tmp_path)
    first = made_commit(writer, units_of("A", [0]))
    reader = StoreReader(writer.fs)
    reader.refresh()
    second = made_commit(writer, units_of("B", [0]))
    seen: list[str] = []
    read = reader.fs.read
    monkeypatch.setattr(reader.fs, "read", lambda path: (seen.append(path), read(path))[1])
    reader.refresh()
    assert [path for path in seen if path != layout.SUCCESS] == [layout.commit_path(second)]
    assert [commit.key for commit in reader.commits()] == sorted([first, second])


def test_each_attempt_is_read_once_and_one_that_goes_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = made_writer(tmp_path)
    reader, read = StoreReader(writer.fs), list[str]()
    read_all = reader.fs.read_all

    def counting(paths: Sequence[str], digests: Sequence[str] | None = None) -> Iterator[bytes]:
        read.extend(paths)
        return read_all(paths, digests)

    monkeypatch.setattr(reader.fs, "read_all", counting)
    first = writer.begin_attempt("a" * 64, {"units": 1})
    assert [body["key"] for body in reader.attempts()] == ["a" * 64]
    writer.begin_attempt("b" * 64, {"units": 1})
    writer.record_failure("a" * 64, first, {"kind": "error", "error": "no"})
    for _ in range(2):
        assert [body["key"] for body in reader.attempts()] == ["a" * 64, "b" * 64]
        assert [body["error"] for body in reader.failures()] == ["no"]
    assert len(read) == len(set(read)) == 3
    Path(tmp_path / layout.attempt_path("b" * 64, 1)).unlink()
    assert [body["key"] for body in reader.attempts()] == ["a" * 64]


def test_wanted_minus_committed_is_the_work_left(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    writer.add_plan(units_of("AB", [0]))
    writer.add_plan(units_of("BC", [0, FINAL_FOLD]))
    made_commit(writer, units_of("B", [0, FINAL_FOLD]))
    reader = StoreReader(writer.fs)
    left = reader.wanted_units() - reader.committed_units().keys()
    assert left == {Unit("modifiers", "A", 0), Unit("modifiers", "C", 0), Unit("modifiers", "C", FINAL_FOLD)}


def test_rows_of_a_unit_in_two_commits_come_from_the_smaller_key(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    shards = {
        made_commit(writer, units_of("ABC", [0, FINAL_FOLD]), shift=0.0): 0.0,
        made_commit(writer, units_of("BCD", [0, FINAL_FOLD]), shift=100.0): 100.0,
    }
    reader = StoreReader(writer.fs)
    winner = shards[min(shards)]
    rows = reader.table("predictions").to_pylist()
    assert len(rows) == 4 * 12
    for row in rows:
        shift = {"A": 0.0, "D": 100.0}.get(row["target"], winner)
        assert (row["predicted"] > 50) == (shift == 100.0)
    assert reader.table("models").column("target").to_pylist() == list("ABCD")
    assert reader.committed_units()[Unit("modifiers", "B", 0)] == min(shards)
    assert [commit.key for commit in reader.overlapping()] == [max(shards)]


def test_a_commit_overrides_quarantine(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    unit, other = units_of("AB", [0])
    writer.quarantine(unit, [{"error": "signal 11"}])
    writer.quarantine(other, ["deadline"])
    reader = StoreReader(writer.fs)
    assert reader.quarantined() == {unit: [{"error": "signal 11"}], other: ["deadline"]}
    made_commit(writer, [unit])
    reader.refresh()
    assert reader.quarantined() == {other: ["deadline"]}


def test_every_byte_of_a_table_is_checked_before_it_is_parsed(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    key = made_commit(writer, units_of("A", [0]))
    path = tmp_path / layout.data_path("scores", key, 1)
    original = path.read_bytes()
    for place in range(0, len(original), 97):
        flip(path, place)
        with pytest.raises(
            DamagedFileError, match=rf"data/scores/{key}.*damaged.*knockcast verify STORE --repair"
        ):
            StoreReader(writer.fs).table("scores")
        path.write_bytes(original)
    path.write_bytes(original[:-1])
    with pytest.raises(DamagedFileError):
        StoreReader(writer.fs).table("scores")
    path.unlink()
    with pytest.raises(StorageError, match="no such file"):
        StoreReader(writer.fs).table("scores")


@pytest.mark.parametrize("cut", [None, 100])
def test_a_damaged_commit_is_not_believed(tmp_path: Path, cut: int | None) -> None:
    writer = made_writer(tmp_path)
    path = tmp_path / layout.commit_path(made_commit(writer, units_of("A", [0])))
    if cut:
        path.write_bytes(path.read_bytes()[:cut])
    else:
        flip(path, 150)
    with pytest.raises(DamagedFileError, match=r"commits/.*damaged.*verify"):
        StoreReader(writer.fs).committed_units()


def test_a_commit_of_another_run_is_not_believed(tmp_path: Path) -> None:
    key = made_commit(made_writer(tmp_path / "other", {**BODY, "seed": 9}), units_of("A", [0]))
    writer = made_writer(tmp_path / "mine")
    stray = (tmp_path / "other" / layout.commit_path(key)).read_bytes()
    writer.fs.create(layout.commit_path(key), stray)
    with pytest.raises(StorageError, match="belongs to another run"):
        StoreReader(writer.fs).commits()


def test_a_commit_that_names_files_of_others_is_not_believed(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    key, other = (made_commit(writer, units_of(target, [0])) for target in "AB")
    path = tmp_path / layout.commit_path(key)
    path.write_bytes(seal_json(json.loads(path.read_bytes().replace(b".1.parquet", b".2.parquet"))["body"]))
    before = sorted(tmp_path.rglob("*"))
    for ask in (lambda: StoreReader(writer.fs).commits(), lambda: gc(writer.fs)):
        with pytest.raises(StorageError, match="verify STORE --repair"):
            ask()
    assert sorted(tmp_path.rglob("*")) == before  # gc has not taken the real ones
    assert other != key


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(seal_json({"format": 3, "seed": 0}))
    with pytest.raises(StorageError, match="newer Knockcast"):
        StoreReader.open(tmp_path)


def test_targets_that_are_not_this_runs_are_refused(tmp_path: Path) -> None:
    writer = made_writer(tmp_path, {**BODY, "targets_sha256": "0" * 64})
    with pytest.raises(StorageError, match="no such file"):
        StoreReader(writer.fs).targets()
    writer.fs.create(layout.targets_path("0" * 64), seal_json({"columns": []}))
    with pytest.raises(DamagedFileError, match="not the targets of this run"):
        StoreReader(writer.fs).targets()


def test_files_no_commit_names_are_never_read(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    made_commit(writer, units)
    writer.fs.create(layout.data_path("scores", "f" * 64, 1), b"not even Parquet")
    assert made_tables(units)["scores"].equals(StoreReader(writer.fs).table("scores"))


def test_fewer_rows_than_were_sealed_never_pass_for_all(tmp_path: Path, measured: Measured) -> None:
    writer = made_store(tmp_path)
    writer.seal()
    gone = StoreReader(writer.fs).commits()[0].key
    writer.fs.delete(layout.commit_path(gone))
    with pytest.raises(StorageError, match=f"1 of the commits that _SUCCESS lists are .*/{gone}"):
        StoreReader(writer.fs).table("scores")
    report = verify(writer.fs)
    assert [problem.path for problem in report.problems] == [layout.SUCCESS]
    assert unseal_what_is_not_whole(writer.fs) == 1
    assert unseal_what_is_not_whole(writer.fs) == 0
    assert StoreReader(writer.fs).table("scores").num_rows > 0  # as of now, and no longer said to be all
    measured(commits_gone_and_noticed=len(report.problems))


def test_a_store_that_is_sealed_while_it_is_listed_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = made_writer(tmp_path)
    writer.add_plan(units_of("AB", [0]))
    made_commit(writer, units_of("A", [0]))
    reader = StoreReader(writer.fs)
    paths = reader.fs.paths

    def listed_just_before_the_end(prefix: str) -> list[str]:
        found = paths(prefix)
        if prefix == layout.COMMITS and len(found) == 1:
            made_commit(writer, units_of("B", [0]))
            monkeypatch.setattr(reader.fs, "paths", paths)
            writer.seal()
        return found

    monkeypatch.setattr(reader.fs, "paths", listed_just_before_the_end)
    assert len(reader.commits()) == 2
