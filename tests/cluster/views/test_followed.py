"""The table `followed`, against the slow twin, from a Dataset or a store's own copy of the expression."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.cli.analyses.genes import show_gene
from cluster.store.reader import StoreReader
from cluster.views import registry
from cluster.views.followed import followed_table
from cluster.views.query import query
from modeling.interpretation.followed import MOST_GENES, groups_of
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.tables.computed_tables import FOLLOWED
from tests.made_stores import made_store
from tests.reference.followed import followed_slow

METHODS = ("kernel", "ridge")
TARGETS = 9


@pytest.fixture(scope="module")
def dataset(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of its own, which tests may move away."""
    return Path(shutil.copytree(small_dataset, tmp_path_factory.mktemp("followed") / "dataset"))


@pytest.fixture(scope="module")
def store(dataset: Path) -> Path:
    path = dataset.parent / "store"
    options = {"workers": 0, "folds": 3, "targets": Dataset.open(dataset).targets[:TARGETS]}
    run(dataset, path, methods=METHODS, **options)
    return path


@pytest.fixture
def elsewhere(dataset: Path) -> Path:
    """Where the Dataset is while the test runs."""
    moved = dataset.with_name("moved")
    dataset.rename(moved)
    yield moved
    moved.rename(dataset)


def slow(store: Path, dataset: Dataset, method: str) -> pd.DataFrame:
    """The method's rows of the table, from pandas and the slow twin."""
    frame = Store(store)
    scores = frame.scores().set_index(["method", "target", "fold"])["train_mean"]
    rows = frame.predictions()
    rows = rows[rows["method"] == method]
    mean = np.array([scores[key] for key in zip(*(rows[k] for k in scores.index.names), strict=True)])
    lines = pd.Index(dataset.cell_lines)
    sides = [
        rows.assign(value=rows[name] - mean).pivot_table(index="cell_line", columns="target", values="value")
        for name in ("predicted", "measured")
    ]
    groups = groups_of(dataset.lineages)
    values = [side.reindex(lines).to_numpy() for side in sides]
    found = followed_slow(np.asarray(dataset.expression), *values, groups, MOST_GENES)
    out = pd.DataFrame(
        found, columns=["target", "gene", "rank", "r", "partial", "r_measured", "partial_measured"]
    )
    out["target"], out["gene"] = sides[0].columns[out["target"]], np.array(dataset.genes)[out["gene"]]
    return out


@pytest.mark.parametrize("method", METHODS)
def test_the_table_is_the_slow_twins(store: Path, dataset: Path, method: str) -> None:
    found = Store(store).table("followed")
    found = found[found["method"] == method].sort_values(["target", "rank"])
    expected = slow(store, Dataset.open(dataset), method)
    assert len(found) == TARGETS * MOST_GENES
    assert found[["target", "gene", "rank"]].values.tolist() == expected.iloc[:, :3].values.tolist()
    numbers = ["pearson", "partial", "pearson_measured", "partial_measured"]
    np.testing.assert_allclose(found[numbers].to_numpy(), expected.iloc[:, 3:].to_numpy(), atol=1e-9)


def test_methods_that_name_their_modifiers_have_no_rows(tmp_path: Path) -> None:
    reader = StoreReader(made_store(tmp_path).fs)  # its Dataset was never there: nobody looks for it
    assert followed_table(reader).equals(FOLLOWED.schema.empty_table())


def test_a_target_alone_has_the_same_bits(store: Path) -> None:
    reader = StoreReader.open(store)
    whole = followed_table(reader)
    for target in sorted(set(whole.column("target").to_pylist())):
        mine = [row for row in whole.to_pylist() if row["target"] == target]
        assert followed_table(reader, (target,)).to_pylist() == mine


def test_a_store_that_lost_its_dataset_uses_its_own_copies(store: Path, elsewhere: Path) -> None:
    expected = slow(store, Dataset.open(elsewhere), "kernel")
    found = Store(store).table("followed")
    mine = found[found["method"] == "kernel"].sort_values(["target", "rank"])
    assert mine["gene"].tolist() == expected["gene"].tolist()
    partial = mine[["partial", "partial_measured"]].to_numpy()
    np.testing.assert_allclose(partial, expected[["partial", "partial_measured"]].to_numpy(), atol=1e-9)


def test_where_lineages_are_not_known_either_nothing_is_said_given_them(
    store: Path, elsewhere: Path, tmp_path: Path
) -> None:
    older = Path(shutil.copytree(store, tmp_path / "store"))  # as releases before 0.2 left it
    for path in (older / "cell_lines").glob("*"):
        path.unlink()
    found = Store(older).table("followed")
    assert len(found)
    assert found[["partial", "partial_measured"]].isna().all(axis=None)


@pytest.fixture(scope="module")
def without_copy(dataset: Path) -> Path:
    """A store without final models, so without the training expression."""
    path = dataset.parent / "no_final"
    run(
        dataset,
        path,
        workers=0,
        folds=2,
        methods=("kernel",),
        final=False,
        targets=Dataset.open(dataset).targets[:2],
    )
    return path


@pytest.mark.usefixtures("elsewhere")
def test_without_dataset_and_copy_it_says_what_to_do(
    without_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInputError, match="put it back, or tell the store where it is now by the same"):
        Store(without_copy).query("FROM followed")
    target = Store(without_copy).scores()["target"].iloc[0]
    page = Store(without_copy).gene(target)
    assert page.followed.empty
    assert len(page.scores) == 2
    show_gene(str(without_copy), target)
    assert "(nothing is computed again)" in " ".join(capsys.readouterr().out.split())  # wrapped after a path


def test_another_dataset_at_its_place_is_not_taken(
    without_copy: Path, dataset: Path, elsewhere: Path
) -> None:
    shutil.copytree(elsewhere, dataset)
    try:
        with (dataset / "expression.npy").open("r+b") as file:
            file.seek(-4, 2)
            file.write(np.float32(7.25).tobytes())
        with pytest.raises(BadInputError, match="not to be found unchanged"):
            Store(without_copy).query("FROM followed")
    finally:
        shutil.rmtree(dataset)


def test_a_gene_page_shows_them_with_their_sign(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = Store(store).scores()["target"].iloc[0]
    page = Store(store).gene(target)
    assert page.notes == ()
    assert page.followed["rank"].tolist() == [*range(1, MOST_GENES + 1)] * 2
    show_gene(str(store), target, full=True)
    out = capsys.readouterr().out
    block = out.partition("genes whose expression the predictions follow")[2].partition("\n\n")[0]
    for gene, r in zip(page.followed["gene"], page.followed["pearson"], strict=True):
        assert any(line.split()[1:3] == [gene, "−" if r < 0 else "+"] for line in block.splitlines()[2:])


def test_a_query_for_one_target_computes_no_other(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def recorded(reader: StoreReader, only: frozenset[str] | None) -> object:
        asked.append(only)
        return followed_table(reader, only)

    monkeypatch.setitem(registry.OF_TARGETS, "followed", recorded)
    reader = StoreReader.open(store)
    target = Store(store).scores()["target"].iloc[0]
    found = query(reader, f"SELECT gene FROM followed f WHERE rank < 3 AND f.target = '{target}'")  # noqa: S608
    assert asked == [frozenset({target})]
    assert found.num_rows == 4
    other = f"SELECT gene FROM followed WHERE target || '' = '{target}' AND rank < 3"  # noqa: S608
    whole = query(reader, other)
    assert asked[-1] is None
    assert sorted(whole.to_pylist(), key=str) == sorted(found.to_pylist(), key=str)
