"""Runs of methods `profiles` and `drugs`: from a Dataset to tables, figures' numbers and ranked drugs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cluster import Store, run
from cluster.cli.output import write_figures
from cluster.maintenance.maintain import verify
from cluster.results.rank_drugs import rank_file
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import write_dataset
from tasks.errors import BadInputError
from tasks.samples.prepare import Reading
from tests.made_datasets import tiny_dataset
from tests.stores import table_bytes

pytestmark = pytest.mark.long

LINES, GENES, DRUGS = 60, 40, 24


def made(path: Path, targets: bool = True, response: bool = True) -> Path:
    """Each drug's response follows the dependency on its two target genes, which follows their expression."""
    rng = np.random.default_rng(0)
    expression = rng.gamma(2.0, 1.5, (LINES, GENES)).astype(np.float32)
    effect = (0.8 * expression + 0.3 * rng.standard_normal((LINES, GENES))).astype(np.float32)
    effect[:5, 3] = np.nan
    hit = np.array([(d, (d + 7) % GENES) for d in range(DRUGS)])
    sensitivity = np.nan_to_num(effect)[:, hit].mean(axis=2)
    drugs = (-sensitivity + 0.2 * rng.standard_normal(sensitivity.shape)).astype(np.float32)
    drugs[::9, 2] = np.nan
    genes = [f"G{i}" for i in range(GENES)]
    named = [f"drug {d}" for d in range(DRUGS)]
    table = pa.table({"drug_id": named, "target_genes": ["|".join(genes[g] for g in pair) for pair in hit]})
    write_dataset(
        path,
        expression=expression,
        effect=effect,
        cell_lines=[f"ACH-{i:06d}" for i in range(LINES)],
        genes=genes,
        targets=genes,
        drugs=named if response else (),
        drug_response=drugs if response else None,
        drug_targets=table if targets else None,
    )
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("vectors") / "dataset")


@pytest.fixture(scope="module")
def store(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "store"
    assert run(dataset, path, methods=["profiles", "drugs"], workers=0, folds=2).sealed
    return path


def test_every_fold_is_scored_along_lines_and_the_store_is_whole(store: Path):
    scores = Store(store).profile_scores()
    profiles = scores[scores["method"] == "profiles"]
    assert set(profiles["fold"]) == {0, 1}
    assert {"ols", "ridge", "network"} <= set(profiles["model"])
    assert set(profiles[profiles["axis"] == "gene"]["name"]) == {f"G{i}" for i in range(GENES)}
    drugs = scores[scores["method"] == "drugs"]
    assert {"ridge", "network", "ranking"} <= set(drugs["model"])
    assert {"expression", "dependency", "both"} <= set(drugs["features"])
    assert set(Store(store).components()["fold"]) == {0, 1}
    assert verify(StoreReader.open(store).fs).ok
    assert Store(store).genes().empty  # no targets are modelled
    status = Store(store).status()
    assert (status.wanted, status.left) == (5, 0)


def test_what_was_planted_is_found(store: Path):
    scores = Store(store).profile_scores()
    ranking = scores[(scores["model"] == "ranking") & (scores["axis"] == "drug")]
    assert ranking.groupby("features")["pearson"].mean()["dependency"] > 0.4


def test_drugs_are_ranked_for_new_samples(store: Path, dataset: Path, tmp_path: Path):
    rng = np.random.default_rng(5)
    samples = pd.DataFrame(rng.gamma(2.0, 1.5, (3, GENES)), columns=[f"G{i}" for i in range(GENES)])
    samples.loc[1, ["G4", "G11"]] = 12.0  # what drug 4 is made against
    samples.index = pd.Index(["a", "b", "c"])
    source = tmp_path / "samples.csv"
    samples.to_csv(source)
    said = rank_file(str(store), source, tmp_path / "ranks.csv")
    assert "3 samples x 24 drugs" in said
    table = pd.read_csv(tmp_path / "ranks.csv")
    assert list(table["sample"].unique()) == ["a", "b", "c"]
    best = table[(table["sample"] == "b") & (table["rank"] == 1)]["drug"].tolist()
    assert best == ["drug 4"]
    assert table["pearson"].notna().all()
    worst = Store(store).rank_drugs(samples, higher_is_sensitive=True)
    assert worst[(worst["sample"] == "b") & (worst["drug"] == "drug 4")]["rank"].item() == DRUGS


def test_samples_that_cannot_be_ranked_are_refused_and_nothing_written(store: Path, tmp_path: Path):
    known = pd.DataFrame(np.ones((2, 35)), columns=[f"G{i}" for i in range(35)], index=["a", "b"])
    known.loc["b", "G0"] = np.nan
    known.to_csv(tmp_path / "few.csv")
    with pytest.raises(BadInputError, match=r"no sample .* 'a', knows 35 of the 40 genes .* \(87\.5%\)"):
        rank_file(str(store), tmp_path / "few.csv", tmp_path / "ranks.csv")
    assert not (tmp_path / "ranks.csv").exists()


def test_all_that_keeps_drugs_from_being_ranked_is_told_at_once(store: Path, tmp_path: Path):
    good = pd.DataFrame(np.ones((2, GENES)), columns=[f"G{i}" for i in range(GENES)], index=["a", "a"])
    good.to_csv(tmp_path / "twice.csv")
    (tmp_path / "ranks.csv").touch()
    with pytest.raises(BadInputError) as found:
        rank_file(
            str(store),
            tmp_path / "twice.csv",
            tmp_path / "ranks.csv",
            reading=Reading(orientation="up"),
            gene_map=tmp_path / "no.txt",
            wrong=["--long: no"],
        )
    words = ("--long: no", "--orientation up", "there already", "no.txt")
    assert len(found.value.problems) == len(words)
    assert all(word in problem for word, problem in zip(words, found.value.problems, strict=True))
    with pytest.raises(BadInputError) as found:
        rank_file(str(tmp_path), tmp_path / "no.csv", tmp_path / "no" / "ranks.csv")
    assert len(found.value.problems) == 3  # no folder, no samples, no store
    with pytest.raises(BadInputError, match=r"there already(.|\n)*'a' stand there more than once"):
        rank_file(str(store), tmp_path / "twice.csv", tmp_path / "ranks.csv")


def test_a_run_of_the_same_gives_the_same_bytes(dataset: Path, store: Path, tmp_path: Path):
    run(dataset, tmp_path / "again", methods=["drugs", "profiles"], workers=0, folds=2)
    assert table_bytes(tmp_path / "again") == table_bytes(store)


def test_bad_input_is_told_before_anything_is_written(dataset: Path, tmp_path: Path):
    store = tmp_path / "store"
    with pytest.raises(BadInputError, match="only with --scheme kfold"):
        run(dataset, store, methods=["profiles"], workers=0, scheme="split")
    none = made(tmp_path / "none", targets=False, response=False)
    with pytest.raises(BadInputError, match="drug response"):
        run(none, store, methods=["drugs"], workers=0, folds=2)
    few = tiny_dataset(tmp_path / "few")
    with pytest.raises(BadInputError, match="genes"):
        run(few, store, methods=["profiles"], workers=0)
    with pytest.raises(BadInputError) as found:
        run(few, store, methods=["profiles", "drugs", "latent"], workers=0, targets=["NOPE"])
    assert {"profiles", "drug response", "NOPE"} == {
        word for word in ("profiles", "drug response", "NOPE") if word in found.value.text()
    }
    with pytest.raises(BadInputError) as found:
        run(few, store, methods=["drugs", "profiles"], workers=0, scheme="split", folds=1, seed=-3)
    assert len(found.value.problems) == 4
    assert not store.exists()


def test_without_known_targets_drugs_are_still_ranked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bare = made(tmp_path / "bare", targets=False)
    run(bare, tmp_path / "store", methods=["drugs"], workers=0, folds=2)
    assert "only the ranking for new samples is made" in capsys.readouterr().err
    assert set(Store(tmp_path / "store").profile_scores()["model"]) == {"ranking"}
    samples = pd.DataFrame(np.ones((1, GENES)), columns=[f"G{i}" for i in range(GENES)])
    assert len(Store(tmp_path / "store").rank_drugs(samples)) == DRUGS
    write_figures(str(tmp_path / "store"), "drugs", tmp_path / "figures")
    assert set(pd.read_csv(tmp_path / "figures" / "drugs.csv")["model"]) == {"ranking"}


def test_no_model_no_ranks(dataset: Path, tmp_path: Path):
    run(dataset, tmp_path / "store", methods=["profiles"], workers=0, folds=2)
    with pytest.raises(BadInputError, match="no final model of method drugs"):
        Store(tmp_path / "store").rank_drugs(pd.DataFrame({"G0": [1.0]}))
