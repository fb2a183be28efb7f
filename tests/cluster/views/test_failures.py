"""Every target has a row or a stated reason, the quarantined ones too."""

import pytest

from cluster import Store
from cluster.cli.analyses.genes import show_gene
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD, Unit
from cluster.store.writer import StoreWriter
from cluster.views.query import query
from tasks.tables.schemas import table_of
from tests.made_stores import made_commit, made_tables, made_writer, units_of

LOST = {"method": "modifiers", "target": "C", "status": "failed"}
RAISED = {"method": "modifiers", "target": "B", "fold": 0, "status": "failed", "error": "nan", "attempts": 1}


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> StoreWriter:
    """B failed inside its shard; C is quarantined in both folds, A in its final fit; B's is overtaken."""
    writer = made_writer(tmp_path_factory.mktemp("s"))
    writer.add_plan([*units_of("ABC", [0, 1]), *units_of("A", [FINAL_FOLD])])
    units = units_of("AB", [0])
    made_commit(writer, units, tables=made_tables(units) | {"failures": table_of("failures", [RAISED])})
    made_commit(writer, units_of("AB", [1]))
    for fold in (0, 1):
        writer.quarantine(Unit("modifiers", "C", fold), ["exit: signal 9", f"exit: signal 11, fold {fold}"])
    writer.quarantine(Unit("modifiers", "A", FINAL_FOLD), [])
    writer.quarantine(Unit("modifiers", "B", 1), ["overtaken by a commit"])
    return writer


def test_committed_failures_and_quarantined_units_stand_in_one_table(writer: StoreWriter) -> None:
    expected = [
        {**LOST, "target": "A", "fold": FINAL_FOLD, "error": "no error recorded", "attempts": 0},
        RAISED,
        {**LOST, "fold": 0, "error": "exit: signal 11, fold 0", "attempts": 2},
        {**LOST, "fold": 1, "error": "exit: signal 11, fold 1", "attempts": 2},
    ]
    assert Store(writer.fs.name).failures().to_dict("records") == expected
    assert query(StoreReader(writer.fs), "SELECT * FROM failures").to_pylist() == expected


def test_a_wholly_quarantined_target_is_in_genes(writer: StoreWriter) -> None:
    genes = Store(writer.fs.name).genes()
    assert genes["target"].tolist() == ["A", "B", "C"]
    lost = genes.iloc[2]
    assert (lost["folds"], lost["n"], lost["p_value"], lost["q_value"]) == (0, 0, 1.0, 1.0)
    assert (lost["p_permuted"], lost["q_permuted"]) == (1.0, 1.0)
    known = ["method", "target", "folds", "n", "p_value", "q_value", "p_permuted", "q_permuted"]
    assert lost.drop(known).isna().all()
    before = query(StoreReader(writer.fs), "SELECT q_value, p_value FROM genes WHERE target <> 'C'")
    p = sorted(row["p_value"] for row in before.to_pylist())
    assert min(row["q_value"] for row in before.to_pylist()) == pytest.approx(min(p[0] * 3, p[1] * 1.5))


def test_its_page_says_why(writer: StoreWriter, capsys: pytest.CaptureFixture[str]) -> None:
    page = Store(writer.fs.name).gene("C")
    assert page.failures["error"].tolist() == ["exit: signal 11, fold 0", "exit: signal 11, fold 1"]
    assert page.summary["p_value"].tolist() == [1.0]
    show_gene(writer.fs.name, "C")
    assert "exit: signal 11, fold 1" in capsys.readouterr().out
    assert Store(writer.fs.name).gene("B").failures.to_dict("records") == [RAISED]
