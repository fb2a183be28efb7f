"""`enrich` from files to tables of the store, and the relations that follow from it."""

from pathlib import Path

import numpy as np
import pytest

from cluster.cli.analyses.enrich import enrich_in_words
from cluster.execution.run import run
from cluster.maintenance.maintain import verify
from cluster.results.biology.enrich import enrich, read_knowledge, run_genes
from cluster.results.store import Store
from cluster.store.reader import StoreReader
from cluster.views.query import query
from cluster.views.relations import known_relations
from tasks.errors import BadInputError
from tests.made_datasets import GENES, TARGETS, made_dataset, made_matrices


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> StoreReader:
    """Each of six targets follows its own expression; G0 follows G9, too."""
    folder = tmp_path_factory.mktemp("enrich")
    expression, effect = made_matrices(90)
    effect[:, 0] += 0.8 * expression[:, 9]
    dataset = made_dataset(folder / "dataset", expression, effect)
    run(str(dataset), str(folder / "store"), methods=["ridge", "modifiers"], preset="ols", workers=0)
    return StoreReader.open(folder / "store")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("known")
    sets, pairs = folder / "sets.gmt", folder / "pairs.csv"
    sets.write_text("Small\tx\tG0\tG9\tG8\nLarge\tx\tG0\tG1\tG2\tG9\tFAR\n")
    pairs.write_text("gene_A,gene_B\nG9,G0\nG1,G8\nG2,FAR\n")
    return sets, pairs


def test_modifiers_are_those_of_most_folds(store: StoreReader, files: tuple[Path, Path]) -> None:
    made = enrich(store, read_knowledge([files[0]], [files[1]]))
    modifiers = store.table("modifiers").to_pandas()
    for target in TARGETS:
        times = modifiers[modifiers["target"] == target].groupby("modifier")["fold"].nunique()
        assert made.lists.modifiers[target] == set(times.index[times >= 3])
    assert {"G0", "G9"} <= made.lists.modifiers["G0"]
    assert made.lists.universe == GENES
    scores = Store(store.fs.name).genes().query("method == 'modifiers'")
    best = scores.sort_values("pearson_pooled", ascending=False)["target"].tolist()
    assert list(made.lists.symbols) == best
    assert list(enrich(store, read_knowledge([files[0]], []), top=2).lists.symbols) == best[:2]


def test_the_command_says_it_and_stores_the_tables(
    store: StoreReader, files: tuple[Path, Path], tmp_path: Path
) -> None:
    assert query(store, "FROM relations").num_rows == 0
    out = tmp_path / "rows.csv"
    text = enrich_in_words(store.fs.name, [files[0]], [files[1]], out=out)
    assert (
        "pairs: a paralog is among the modifiers of 1 of the 2 targets (of 6) that have one among the 10"
        in text
    )
    assert "sets: the modifiers of " in text
    assert "stored as table `enrichment`, `enrichment_counts`, `gene_sets`, `paralogs`" in text
    assert "holds this result already" in enrich_in_words(store.fs.name, [files[0]], [files[1]])
    frame = Store(store.fs.name).enrichment()
    assert len(out.read_text().splitlines()) == 1 + len(frame)
    (row,) = frame.query("target == 'G0' and collection == 'pairs'").to_dict("records")
    assert (row["genes"], row["size"], row["overlap"]) == ("G9", 1, 1)
    assert np.isfinite(frame[["p_value", "q_value", "expected"]].to_numpy()).all()
    assert verify(store.fs).ok


def test_relations_name_their_source_the_closest_set_first(
    store: StoreReader, files: tuple[Path, Path]
) -> None:
    enrich_in_words(store.fs.name, [files[0]], [files[1]])
    rows = query(store, "SELECT * FROM relations WHERE target = 'G0' AND modifier = 'G9'").to_pylist()
    assert [(row["relation"], row["source"], row["genes"]) for row in rows] == [
        ("paralog", "pairs", None),
        ("same gene set", "sets: Large", 5),
        ("same gene set", "sets: Small", 3),
    ]
    known = known_relations(store)
    assert [each["source"] for each in known.between("G0", "g9 (12)")] == [
        "pairs",
        "sets: Small",
        "sets: Large",
    ]
    assert known.between("G3", "G3") == [{"relation": "self", "source": "", "genes": None}]
    assert known.between("G3", "G4") == []
    whole = Store(store.fs.name).relations()
    assert set(whole["relation"]) == {"self", "paralog", "same gene set"}
    assert whole.equals(Store(store.fs.name).relations())


def test_a_list_of_targets_is_another_result(store: StoreReader, files: tuple[Path, Path]) -> None:
    before = len(Store(store.fs.name).analyses())
    text = enrich_in_words(store.fs.name, [files[0]], targets="g0,G3")
    assert "of 2 targets are enriched" in text
    analyses = Store(store.fs.name).analyses()
    assert len(analyses) == before + 1
    assert any('"targets": ["G0", "G3"]' in inputs for inputs in analyses["inputs"])


def test_problems_of_all_files_are_listed(
    store: StoreReader, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    bad, wrong = tmp_path / "bad.gmt", tmp_path / "bad.csv"
    bad.write_text("A\tx\n")
    wrong.write_text("x,y,z\n1,2,3\n")
    with pytest.raises(BadInputError) as raised:
        enrich_in_words(store.fs.name, [bad, files[0], files[0]], [wrong])
    text = raised.value.text()
    assert len(raised.value.problems) == 3
    for words in ("'A' has no genes", "no two columns", "two files are named 'sets'"):
        assert words in text
    with pytest.raises(BadInputError, match="nothing to look for"):
        enrich_in_words(store.fs.name)
    with pytest.raises(BadInputError, match=r"--method ridge: has no modifiers in .*; modifiers has"):
        enrich_in_words(store.fs.name, [files[0]], method="ridge")
    with pytest.raises(BadInputError, match="NOBODY is not among the store's targets"):
        enrich_in_words(store.fs.name, [files[0]], targets="NOBODY")


def test_without_the_dataset_genes_are_those_of_the_stored_training(
    store: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "datasets", lambda: ["/nowhere/at/all"])
    assert list(run_genes(store)) == list(GENES)
    monkeypatch.setattr(type(store.fs), "paths", lambda *_: [])
    with pytest.raises(BadInputError, match=r"not to be found \(/nowhere/at/all\)"):
        run_genes(store)
