import multiprocessing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cluster.errors import StorageError
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.records import targets_digest
from cluster.store.units import Unit, shard_key
from cluster.store.writer import StoreWriter
from tasks.errors import BadInputError
from tests.made_stores import BODY, made_commit, made_store, made_tables, made_writer, units_of


def test_the_same_run_is_joined_and_its_digest_is_its_content(tmp_path: Path) -> None:
    first = made_writer(tmp_path / "a").run_digest
    assert made_writer(tmp_path / "a", dict(reversed(BODY.items()))).run_digest == first
    assert made_writer(tmp_path / "b").run_digest == first


def test_another_run_is_refused_and_every_field_is_named(tmp_path: Path) -> None:
    made_store(tmp_path / "s")
    before = open_filesystem(tmp_path / "s").paths("")
    other = {"seed": 1, "scheme": "kfold", "settings": {"top": 15, "fdr": 0.05}, "folds": [{"name": "x"}]}
    with pytest.raises(BadInputError) as raised:
        made_writer(tmp_path / "s", other)
    lines = [
        problem.removeprefix(f"{tmp_path / 's'}: ").partition(";")[0] for problem in raised.value.problems
    ]
    assert lines == [
        'folds[0].name: nothing here, "x" asked',
        "seed: 0 here, 1 asked",
        "settings.top: 20 here, 15 asked",
    ]
    assert open_filesystem(tmp_path / "s").paths("") == before


def test_true_is_not_one(tmp_path: Path) -> None:
    made_writer(tmp_path, {"redundancy": 1})
    with pytest.raises(BadInputError, match="redundancy: 1 here, true asked"):
        made_writer(tmp_path, {"redundancy": True})


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(BadInputError, match="not empty and not a store"):
        made_writer(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_attempts_count_up(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    key = shard_key(writer.run_digest, [Unit("m", "A", 0)])
    assert [writer.begin_attempt(key, {"fold": 0}) for _ in range(3)] == [1, 2, 3]
    writer.record_failure(key, 2, {"kind": "exit", "error": "signal 9"})
    writer.record_failure(key, 2, {"kind": "exit", "error": "said twice"})
    reader = StoreReader(writer.fs)
    assert [body["attempt"] for body in reader.attempts(key)] == [1, 2, 3]
    assert [(body["attempt"], body["error"]) for body in reader.failures(key)] == [(2, "signal 9")]


def test_the_first_commit_wins_and_a_repeat_of_it_knows(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("AB", [0])
    key = shard_key(writer.run_digest, units)
    slow, quick = writer.begin_attempt(key, {}), writer.begin_attempt(key, {})
    assert writer.commit(key, quick, units, made_tables(units), {})
    assert not writer.commit(key, slow, units, made_tables(units, shift=1.0), {})
    assert writer.commit(key, quick, units, made_tables(units), {})
    assert [commit.attempt for commit in StoreReader(writer.fs).commits()] == [quick]


def test_one_attempt_run_twice_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    key = shard_key(writer.run_digest, units)
    attempt = writer.begin_attempt(key, {})
    create = writer.fs.create
    dies = "commits/"
    monkeypatch.setattr(writer.fs, "create", lambda path, data: _dying(create, path, data, dies))
    with pytest.raises(SystemExit):
        writer.commit(key, attempt, units, made_tables(units), {"bin": b"1"})
    monkeypatch.undo()
    before = {path: writer.fs.read(path) for path in writer.fs.paths("")}
    assert writer.commit(key, attempt, units, made_tables(units, shift=1.0), {"bin": b"1"})
    assert {path: writer.fs.read(path) for path in before} == before
    (commit,) = StoreReader(writer.fs).commits()
    names = {file.path for file in commit.files}
    assert layout.data_path("predictions", key, attempt, rerun=1) in names  # its numbers differed
    assert layout.file_path(key, attempt, "bin") in names  # its bytes did not


def _dying(create: object, path: str, data: bytes, where: str) -> bool:
    if path.startswith(where):
        raise SystemExit
    return create(path, data)  # type: ignore[operator]


@pytest.mark.parametrize("where", ["data/scores", "data/predictions", "files/", "commits/"])
def test_a_shard_killed_before_its_commit_was_never_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    writer = made_writer(tmp_path)
    units = units_of("AB", [0])
    key = shard_key(writer.run_digest, units)
    attempt = writer.begin_attempt(key, {})
    create = writer.fs.create
    monkeypatch.setattr(writer.fs, "create", lambda path, data: _dying(create, path, data, where))
    with pytest.raises(SystemExit):
        writer.commit(key, attempt, units, made_tables(units), {"bin": b"1"})
    monkeypatch.undo()
    reader = StoreReader(writer.fs)
    assert (reader.committed_units(), reader.table("scores").num_rows) == ({}, 0)
    later = writer.begin_attempt(key, {})
    assert writer.commit(key, later, units, made_tables(units), {"bin": b"1"})
    reader.refresh()
    assert (reader.commits()[0].attempt, reader.table("scores").num_rows) == (2, 2)


def test_data_files_are_zstd_with_page_checksums_in_key_order(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    key = made_commit(writer, units_of("CAB", [0]))
    path = tmp_path / layout.data_path("predictions", key, 1)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    targets = pq.read_table(path).column("target").to_pylist()
    assert targets == sorted(targets)
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_a_table_of_another_shape_is_refused(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    tables = made_tables(units)
    tables["scores"] = tables["scores"].drop_columns(["status"])
    with pytest.raises(ValueError, match="table scores: expected the schema"):
        made_commit(writer, units, tables=tables)


def test_success_lists_the_commits_and_goes_when_work_is_added(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    reader = StoreReader(writer.fs)
    listed = reader.body(layout.SUCCESS)["commits"]
    assert listed == [[commit.key, commit.sha256] for commit in reader.commits()]
    writer.add_plan(units_of("ABC", [0, 1, 2, -1]))
    assert reader.is_sealed()  # nothing new was asked
    writer.add_plan(units_of("D", [0]))
    assert not reader.is_sealed()
    made_commit(writer, units_of("D", [0]))
    writer.seal()
    assert len(reader.body(layout.SUCCESS)["commits"]) == len(listed) + 1
    assert writer.seal() == writer.seal()


def test_targets_are_stored_once_under_their_digest(tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.table({"target": ["B", "A"], "sd": [float("nan"), 0.1], "entrez": [2, 1]})
    writer = made_writer(tmp_path, {**BODY, "targets_sha256": targets_digest(table)})
    assert writer.put_targets(table) == targets_digest(table) == writer.put_targets(table.take([1, 0]))
    stored = StoreReader(writer.fs).targets()
    assert stored is not None
    assert stored.to_pylist() == [
        {"target": "A", "sd": 0.1, "entrez": 1},
        {"target": "B", "sd": None, "entrez": 2},
    ]
    with pytest.raises(ValueError, match="cannot be stored"):
        targets_digest(pa.table({"target": ["A"], "when": [[1]]}))


def test_a_released_unit_is_no_longer_quarantined_but_its_record_stays(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    unit = Unit("modifiers", "A", 0)
    for errors in (["first"], ["second"]):
        writer.quarantine(unit, errors)
        assert StoreReader(writer.fs).quarantined() == {unit: errors}
        writer.release(unit)
        assert StoreReader(writer.fs).quarantined() == {}
    assert len(writer.fs.paths("aside/quarantine/")) == 2


def _commits(url: str, digest: str, shift: float, gate: "object", out: "object") -> None:
    writer = StoreWriter.join(url, digest)
    gate.wait()  # type: ignore[attr-defined]
    won = []
    for fold in range(20):
        units = units_of("A", [fold])
        key = shard_key(digest, units)
        won.append(writer.commit(key, writer.begin_attempt(key, {}), units, made_tables(units, shift), {}))
    out.put(won)  # type: ignore[attr-defined]


def test_two_workers_racing_for_the_same_shards(tmp_path: Path) -> None:
    digest = made_writer(tmp_path).run_digest
    context = multiprocessing.get_context("spawn")
    gate, out = context.Barrier(2), context.Queue()
    racers = [
        context.Process(target=_commits, args=(str(tmp_path), digest, s, gate, out)) for s in (0.0, 1.0)
    ]
    for racer in racers:
        racer.start()
    won = [out.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join()
    assert all(a != b for a, b in zip(*won, strict=True))
    assert StoreReader.open(tmp_path).table("scores").num_rows == 20


def test_a_worker_needs_the_run_opened(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="open_run comes first"):
        StoreWriter(open_filesystem(tmp_path)).add_plan([])


def test_a_hundred_reruns_are_enough(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    key = shard_key(writer.run_digest, units)
    for rerun in range(100):
        writer.fs.create(layout.file_path(key, 1, "bin", rerun), b"other")
    with pytest.raises(StorageError, match="taken, like 99 names after it"):
        writer.commit(key, 1, units, {}, {"bin": b"mine"})
