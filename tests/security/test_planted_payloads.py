"""Pickles in the places of a Dataset's, a store's and a sample's files: none is run, each is refused."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import StorageError
from cluster.maintenance.maintain import verify
from cluster.results.prediction_files import predict_file
from cluster.store import layout
from cluster.store.body import read_json, seal_json, sha256
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from tasks.artifacts.borrowed import borrowed_of
from tasks.artifacts.components import components_of
from tasks.artifacts.files import networks_of, ranking_of, training_of
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.made_datasets import tiny_dataset
from tests.made_stores import made_store
from tests.promises import Measured


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.mark,)  # type: ignore[return-value]


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "it ran"


@pytest.fixture(params=["pickle", "array of objects"])
def payload(request: pytest.FixtureRequest, mark: Path) -> bytes:
    data = pickle.dumps(Payload(mark))
    pickle.loads(data)  # noqa: S301 - it does what it should, where it may
    assert mark.exists()
    mark.unlink()
    if request.param == "pickle":
        return data
    out = io.BytesIO()
    np.save(out, np.array([[Payload(mark)]], dtype=object), allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["expression.npy", "effect.npy", "genes.parquet", "targets.parquet", "cell_lines.parquet"]
)
def test_in_a_dataset(tmp_path: Path, mark: Path, payload: bytes, name: str, measured: Measured) -> None:
    dataset = tiny_dataset(tmp_path / "dataset")
    (dataset / name).write_bytes(payload)
    with pytest.raises(BadInputError, match=name):
        Dataset.open(dataset).verify()
    assert not mark.exists()
    measured(payloads_planted=1)


def test_in_a_store_with_the_right_checksum(
    tmp_path: Path, mark: Path, payload: bytes, measured: Measured
) -> None:
    """Whoever may write the store may forge the commit that lists the file."""
    store = tmp_path / "store"
    fs, tables = made_store(store).fs, set[str]()
    for commit in fs.paths(layout.COMMITS):
        body = read_json(fs.read(commit), commit)
        for file in body["files"]:
            (store / file["path"]).write_bytes(payload)
            file |= {"sha256": sha256(payload), "size": len(payload)}
            tables.add(file["table"])
        (store / commit).write_bytes(seal_json({key: body[key] for key in body if key != "format"}))
    (store / layout.SUCCESS).unlink()
    again = open_filesystem(store)
    assert not verify(again).ok
    for table in tables:
        with pytest.raises(StorageError, match="not a readable Parquet file"):
            StoreReader(again).table(table)
    assert not mark.exists()
    measured(payloads_planted=len(tables))


def test_as_trained_networks_and_as_samples(
    tmp_path: Path, mark: Path, payload: bytes, measured: Measured
) -> None:
    for read in (networks_of, training_of, ranking_of, borrowed_of, components_of):
        with pytest.raises(BadInputError):
            read(payload)
    made_store(tmp_path / "store")
    for ending in (".csv", ".parquet", ".h5ad", ".csv.gz"):
        (samples := tmp_path / f"samples{ending}").write_bytes(payload)
        with pytest.raises(BadInputError):
            predict_file(str(tmp_path / "store"), samples, tmp_path / "out.csv")
    assert not mark.exists()
    measured(payloads_planted=9)
