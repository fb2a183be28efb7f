from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import ndcg_score

from cluster.results.store import Store
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.ranking import ranking_table
from tasks.tables.computed_tables import RANKING
from tests.made_stores import BODY, made_commit, made_writer, units_of

TARGETS = [*(f"T{i}" for i in range(24)), "flat", "none"]


def made(path: Path, measure: str, shards: int = 1, targets: list[str] = TARGETS) -> StoreReader:
    writer = made_writer(path, {**BODY, "measure": measure})
    writer.add_plan(units_of(targets, [0, 1, FINAL_FOLD]))
    for fold in (0, 1, FINAL_FOLD):
        for part in range(shards):
            made_commit(writer, units_of(targets[part::shards], [fold]))
    return StoreReader(writer.fs)


def slow(reader: StoreReader, sign: float) -> pd.DataFrame:
    """Line by line: every value less its target's training mean in that fold, then scikit-learn."""
    scores = reader.table("scores").to_pandas().set_index(["target", "fold"])["train_mean"]
    rows = reader.table("predictions").to_pandas()
    mean = np.array([scores[key] for key in zip(rows["target"], rows["fold"], strict=True)])
    rows[["measured", "predicted", "predicted_lineage"]] = sign * rows[
        ["measured", "predicted", "predicted_lineage"]
    ].sub(mean, axis=0)
    found = []
    for line, mine in rows.groupby("cell_line"):
        gains = mine["measured"].clip(lower=0).to_numpy()
        row = {"method": "modifiers", "cell_line": line, "n": len(mine)}
        for name, column in (("", "predicted"), ("_lineage", "predicted_lineage")):
            row[f"ndcg{name}"] = ndcg_score([gains], [mine[column].to_numpy()], k=10)
            tops = [set(mine.nlargest(10, by)["target"]) for by in ("measured", column)]
            row[f"found{name}"] = len(tops[0] & tops[1]) / 10
        row["ndcg_chance"] = ndcg_score([gains], [np.zeros(len(mine))], k=10)
        found.append(row)
    return pd.DataFrame(found)


@pytest.mark.parametrize(("measure", "sign"), [("effect", -1.0), ("dependency", 1.0), ("level", 1.0)])
def test_each_line_is_as_scikit_learn_has_it(tmp_path: Path, measure: str, sign: float) -> None:
    reader = made(tmp_path, measure)
    table = ranking_table(reader)
    assert table.schema.equals(RANKING.schema)
    assert set(table.column("n").to_pylist()) == {len(TARGETS) - 1}  # nothing is predicted of `flat`
    expected = slow(reader, sign)[RANKING.schema.names]
    pd.testing.assert_frame_equal(table.to_pandas(), expected, check_dtype=False, rtol=1e-10, atol=1e-12)


def test_shards_do_not_change_a_bit(tmp_path: Path) -> None:
    whole, parts = (made(tmp_path / str(n), "effect", n) for n in (1, 5))
    assert ranking_table(whole).equals(ranking_table(parts))


def test_few_targets_have_no_ranking_and_an_empty_store_no_rows(tmp_path: Path) -> None:
    few = ranking_table(made(tmp_path / "few", "effect", targets=TARGETS[:8])).to_pandas()
    assert set(few["n"]) == {8}
    assert few.drop(columns=["method", "cell_line", "n"]).isna().all(axis=None)
    made_writer(tmp_path / "empty")
    assert len(Store(tmp_path / "empty").ranking()) == 0


def test_queries_and_python_have_it(tmp_path: Path) -> None:
    made(tmp_path, "effect")
    store = Store(tmp_path)
    asked = store.query("SELECT cell_line, ndcg FROM ranking ORDER BY cell_line")
    assert asked["ndcg"].tolist() == store.ranking()["ndcg"].tolist()
