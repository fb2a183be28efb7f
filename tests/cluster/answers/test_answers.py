"""One gene's verdict and lists of genes, from a small store of two methods and from invented ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cluster import Store, run
from cluster.answers.listing import DEFAULT_LINEAGE_SORT, list_text, with_lineage
from cluster.answers.relating import relations_in_files
from cluster.answers.text import NO_RELATIONS
from cluster.cli.analyses.genes import show_gene
from tasks.analyses.answer.verdict import FEWEST_LINES
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.made_stores import made_commit, made_store, made_writer, units_of

TARGETS = 12


@pytest.fixture(scope="module")
def path(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answers") / "store"
    chosen = Dataset.open(small_dataset).targets[:TARGETS]
    run(small_dataset, path, methods=["modifiers", "ridge"], workers=0, folds=3, targets=chosen)
    return path


@pytest.fixture(scope="module")
def store(path: Path) -> Store:
    return Store(path)


@pytest.mark.long
def test_a_page_judges_the_method_with_the_highest_r(store: Store) -> None:
    genes = store.genes()
    for target, mine in genes.groupby("target"):
        page = store.gene(target)
        best = mine.loc[mine["pearson_pooled"].idxmax()]
        assert page.verdict.score is not None
        if not np.isnan(best["pearson_pooled"]):
            assert page.verdict.score.pooled == best["pearson_pooled"]
        other = next(method for method in mine["method"] if method != page.verdict.score.method)
        assert store.gene(target, other).verdict.score.method == other


def test_q_is_that_of_the_table(store: Store) -> None:
    genes = store.genes().set_index(["method", "target"])
    for target in genes.index.get_level_values("target").unique()[:3]:
        for score in store.gene(target).verdict.evidence.scores:
            assert score.q == genes.loc[(score.method, target), "q_value"]


def test_modifiers_point_to_where_the_target_is_needed(store: Store) -> None:
    table = store.modifiers()
    target = table["target"].value_counts().index[0]
    page = store.gene(target, "modifiers")
    found = page.verdict.evidence.modifiers
    assert 0 < len(found) <= 10
    summary = page.modifiers[page.modifiers["method"] == "modifiers"].set_index("modifier")
    assert [m.gene for m in found] == summary.index[: len(found)].tolist()
    for modifier in found:
        sign = summary.loc[modifier.gene, "sign"]
        assert modifier.direction == {"−": "high", "+": "low", "±": ""}[sign]  # a gene effect falls with need
        assert modifier.folds == summary.loc[modifier.gene, "folds"]


def test_a_page_of_a_followed_method_says_so(store: Store) -> None:
    page = store.gene(store.genes()["target"][0], "ridge")
    assert page.verdict.evidence.on_all_genes
    assert all(m.folds == 0 for m in page.verdict.evidence.modifiers)
    assert "followed: not chosen by name" in repr(page)


def test_lineages_hide_what_few_lines_cannot_say(store: Store) -> None:
    lineages = store.gene(store.genes()["target"][0]).verdict.evidence.lineages
    assert {x.n < 5 for x in lineages} == {True, False}
    assert all(np.isnan(x.mean) == (x.n < 5) for x in lineages)
    assert all(np.isnan(x.pearson) for x in lineages if x.n < 15)


def test_a_name_in_any_case_and_a_method_that_is_not_there(store: Store) -> None:
    target = store.genes()["target"][0]
    assert store.gene(target.lower()).target == target
    with pytest.raises(BadInputError, match=r"--method kernel: .* has none of it; it has modifiers, ridge"):
        store.gene(target, "kernel")


def test_a_page_in_a_notebook_is_escaped(tmp_path: Path) -> None:
    made_store(tmp_path, targets=("<script>", "B"))
    page = Store(tmp_path).gene("<script>")
    html = page._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<table>") >= 1


def test_constant_unfinished_and_quarantined_targets_have_a_verdict(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of(("flatA", "late", "lost"), (0, 1))
    writer.add_plan(units)
    made_commit(writer, [unit for unit in units if unit.target == "flatA"])
    for unit in units:
        if unit.target == "lost":
            writer.quarantine(unit, ["ValueError: no such luck"])
    store = Store(tmp_path)
    answers = {name: store.gene(name).verdict.answer for name in ("flatA", "late", "lost")}
    assert answers == {"flatA": "constant", "late": "not computed", "lost": "failed"}
    assert "no such luck" in repr(store.gene("lost"))
    assert "resume STORE" in repr(store.gene("late"))


def test_the_command_prints_text_and_json(
    path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    target = store.genes()["target"][0]
    show_gene(str(path), target)
    assert capsys.readouterr().out == repr(store.gene(target))
    show_gene(str(path), target, full=True)
    assert "candidates" in capsys.readouterr().out
    show_gene(str(path), target, full=True, output="json")
    body = json.loads(capsys.readouterr().out)
    assert body["target"] == target
    assert len(body["tables"]["scores"]) == 6


def test_lists_are_rows_of_genes_that_meet_every_condition(store: Store) -> None:
    whole = store.genes()
    pd.testing.assert_frame_equal(
        store.genes(method="ridge"), whole[whole["method"] == "ridge"].reset_index(drop=True)
    )
    some = store.genes(min_gain=0.05, max_q=0.2)
    assert (some["gain"] >= 0.05).all()
    assert (some["q_value"] <= 0.2).all()
    assert len(some) == ((whole["gain"] >= 0.05) & (whole["q_value"] <= 0.2)).sum()
    assert store.genes(sort="q_value")["q_value"].is_monotonic_increasing
    assert store.genes(sort="gain", limit=3)["gain"].tolist() == sorted(whole["gain"], reverse=True)[:3]


def test_top_has_one_row_a_target(store: Store) -> None:
    rows = store.top(max_q=1, limit=None)
    assert sorted(rows["target"]) == sorted(set(store.genes()["target"]))
    assert rows["gain"].is_monotonic_decreasing
    assert list_text(rows).count("\n") == len(rows) + 1


def test_a_lineage_brings_its_columns(store: Store) -> None:
    rows = store.top(lineage="LUNG", max_q=1, limit=None)
    table = store.table("target_lineages").query("lineage == 'Lung'").set_index(["method", "target"])
    assert rows[DEFAULT_LINEAGE_SORT].dropna().is_monotonic_decreasing
    for row in rows.to_dict("records"):
        mine = table.loc[(row["method"], row["target"])]
        assert (row["lineage_n"], row["lineage_mean"]) == (mine["n"], mine["mean"])
    small = store.table("cell_lines")["lineage"].value_counts().index[-1]
    assert (store.table("cell_lines")["lineage"] == small).sum() < FEWEST_LINES
    none = store.genes(lineage=small)
    assert none.empty  # rather than rows without an r there
    assert "in 15 or more lines of that lineage" in list_text(none, small)
    assert "r within" in list_text(rows, "Lung")


def test_targets_listed_of_a_lineage_have_an_r_there_and_the_gain_is_over_all_lines(store: Store) -> None:
    table = store.table("target_lineages").query("lineage == 'Lung'")
    known = set(zip(table["method"], table["target"], strict=True))
    flat = store.genes().head(3)
    lineages = pa.Table.from_pandas(
        table.assign(pearson=table["pearson"].mask(table["target"].isin(flat["target"])))
    )
    found = with_lineage(store.genes(), lineages)
    assert found["lineage_pearson"].notna().all()
    assert not set(found["target"]) & set(flat["target"])
    assert len(known) > len(found) > 0
    some = store.genes(lineage="Lung", min_gain=0.05)
    whole = store.genes(min_gain=0.05)
    assert 0 < len(some) <= len(whole)
    assert (some["gain"] >= 0.05).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lineage": "Lnug"}, "--lineage Lnug: no such lineage; did you mean Lung?"),
        ({"method": "kernel"}, "--method kernel: no target has it; there are modifiers, ridge"),
        ({"target_class": "odd"}, "--class odd: no target has it"),
        ({"sort": "pearson_poled"}, "--sort pearson_poled: no such column; did you mean pearson_pooled"),
        ({"min_gain": "x"}, "--min-gain 'x': expected a number"),
        ({"limit": -1}, "limit -1: expected 1 or more rows"),
    ],
)
def test_conditions_that_cannot_be_met_are_named(store: Store, given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words.replace("?", r"\?")):
        store.top(**given)


def test_a_store_says_what_it_holds_and_completes_names(store: Store, path: Path) -> None:
    first, second = repr(store).splitlines()
    assert first == f"Store {path}: 12 targets by modifiers, ridge"
    assert second.startswith("150 cell lines, scheme kfold; ")
    assert second.endswith("units")
    assert "gene effect" in second
    assert "complete: " in second
    assert store.targets == sorted(set(store.genes()["target"]))
    assert store.methods == ["modifiers", "ridge"]
    assert store._ipython_key_completions_() == store.targets
    target = store.targets[0]
    assert repr(store[target]) == repr(store.gene(target))
    assert store.cell_lines()["cell_line"].is_unique


def test_relations_come_from_enrich_and_from_files(store: Store, path: Path, tmp_path: Path) -> None:
    table = store.modifiers()
    target = table["target"].value_counts().index[0]
    gene = store.gene(target, "modifiers").verdict.evidence.modifiers[0].gene
    pairs, sets, arms = (tmp_path / name for name in ("pairs.csv", "sets.gmt", "arms.tsv"))
    pairs.write_text(f"gene_a,gene_b\n{target},{gene}\n")
    sets.write_text(f"Pathway X\t-\t{target.lower()}\t{gene}\n")
    arms.write_text(f"symbol\tlocation\n{target}\t17q21.31\n{gene}\t17q11\n")
    relations = relations_in_files([pairs], [sets], [arms])
    found = store.gene(target, "modifiers", relations).verdict.evidence.modifiers[0].relations
    expected = ["self"] if gene == target else ["paralog", "same pathway (Pathway X)", "same arm (17q)"]
    assert list(map(str, found)) == expected
    assert not store.gene(target, "modifiers").verdict.evidence.modifiers[0].relations or gene == target


def test_where_nothing_tells_relations_one_line_says_how_to_learn_them(store: Store, tmp_path: Path) -> None:
    target = store.modifiers()["target"].value_counts().index[0]
    assert repr(store.gene(target, "modifiers")).count(NO_RELATIONS) == 1
    assert NO_RELATIONS in store.gene(target, "modifiers")._repr_html_()
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("gene_a,gene_b\nX,Y\n")
    assert NO_RELATIONS not in repr(store.gene(target, "modifiers", relations_in_files([pairs])))


def test_files_of_relations_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y,z\n1,2,3\n")
    (tmp_path / "b.csv").write_text("symbol,location\nTP53,unknown\n")
    with pytest.raises(BadInputError) as raised:
        relations_in_files([tmp_path / "a.csv"], [], [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert len(raised.value.problems) == 3


def test_a_target_that_no_run_asked_for_is_told_from_an_unknown_one(
    store: Store, small_dataset: Path
) -> None:
    other = next(name for name in Dataset.open(small_dataset).targets if name not in store.targets)
    with pytest.raises(BadInputError, match=f"{other}: the Dataset has it .*--targets '{other}' adds it"):
        store.gene(other.lower())


def test_a_map_of_genes_names_targets(store: Store, tmp_path: Path) -> None:
    target = store.targets[0]
    table = tmp_path / "hgnc.tsv"
    table.write_text(f"symbol\tensembl_gene_id\talias_symbol\n{target}\tENSG00000000001\tOLD1|OLD2\n")
    for name in ("ENSG00000000001.4", "old2"):
        assert store.gene(name, gene_map=table).target == target
