import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cluster.store.reader import StoreReader
from cluster.store.records import targets_digest
from cluster.store.units import FINAL_FOLD
from cluster.views.genes import GENES_SCHEMA, genes_table, of_method, pooled_scores, scored_folds
from cluster.views.models import models_table, residual_quantile
from cluster.views.out_of_fold import read_out_of_fold
from tests.made_stores import BODY, made_commit, made_tables, made_writer, units_of
from tests.reference import store as slow

TARGETS = ("A", "B", "Ca", "flat1", "lone1", "none1", "none2", "z-9")
FACTS = pa.table(
    {
        "target": ["A", "B", "none1"],
        "class": ["variable", "near 0", "near 0"],
        "mean": [0.5, -0.1, 0.0],
        "sd": [0.3, 0.05, 0.04],
        "entrez": [1, 2, 0],
    }
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> StoreReader:
    """Two methods; the second lacks a fold of one target and a whole target it wants."""
    writer = made_writer(tmp_path_factory.mktemp("s"), {**BODY, "targets_sha256": targets_digest(FACTS)})
    writer.put_targets(FACTS)
    writer.add_plan(units_of(TARGETS, [0, 1, 2, FINAL_FOLD]))
    writer.add_plan(units_of([*TARGETS, "never"], [0, 1, 2], "other"))
    for fold in (0, 1, 2, FINAL_FOLD):
        made_commit(writer, units_of(TARGETS[:5], [fold]))
        made_commit(writer, units_of(TARGETS[5:], [fold]))
    for fold in (0, 1, 2):
        made_commit(writer, units_of(TARGETS if fold else TARGETS[1:], [fold], "other"))
    return StoreReader(writer.fs)


def _slow_genes(reader: StoreReader) -> pd.DataFrame:
    frames = [reader.table(name).to_pandas() for name in ("scores", "predictions", "modifiers")]
    wanted: dict[str, set[str]] = {"modifiers": set(), "other": set()}
    for unit in reader.wanted_units():
        wanted[unit.method].add(unit.target)
    return slow.genes(*frames, FACTS.to_pandas(), wanted)


def test_genes_equal_the_slow_twin(reader: StoreReader) -> None:
    table = genes_table(reader)
    assert table.schema.equals(GENES_SCHEMA)
    expected = _slow_genes(reader)[GENES_SCHEMA.names]
    pd.testing.assert_frame_equal(table.to_pandas(), expected, check_dtype=False, rtol=1e-10, atol=1e-13)


def test_the_nasty_targets_say_what_they_are(reader: StoreReader) -> None:
    rows = {row["target"]: row for row in of_method(genes_table(reader), "modifiers").to_pylist()}
    none, flat, lone = rows["none1"], rows["flat1"], rows["lone1"]
    assert (none["pearson_pooled"], none["p_value"], none["q_value"]) == (0.0, 1.0, 1.0)
    assert (none["pearson_permuted"], none["p_permuted"], none["q_permuted"]) == (0.0, 1.0, 1.0)
    assert (none["pearson"], none["model"], none["stability"]) == (None, "mean", None)
    assert (flat["pearson_pooled"], flat["p_value"], flat["rmse"], flat["n"]) == (None, 1.0, None, 0)
    assert (flat["pearson_permuted"], flat["p_permuted"], flat["q_permuted"]) == (None, 1.0, 1.0)
    assert lone["pearson_own"] is None
    assert lone["gain"] == lone["pearson_pooled"] - max(0.0, lone["pearson_lineage"])
    assert (rows["A"]["class"], rows["B"]["class"], rows["Ca"]["class"]) == ("variable", "near 0", None)


def test_targets_not_yet_committed_count_in_q(reader: StoreReader) -> None:
    other = of_method(genes_table(reader), "other").to_pylist()
    p = sorted(row["p_value"] for row in other)
    smallest = min(row["q_value"] for row in other)
    assert smallest == pytest.approx(min(p[i] * 9 / (i + 1) for i in range(8)))


def test_shards_do_not_change_a_bit(reader: StoreReader, tmp_path: Path) -> None:
    writer = made_writer(tmp_path, reader.run)
    writer.put_targets(FACTS)
    writer.add_plan(reader.wanted_units())
    for unit in sorted(reader.committed_units(), reverse=True):
        made_commit(writer, [unit])
    lone_shards = StoreReader(writer.fs)
    assert genes_table(lone_shards).equals(genes_table(reader))
    assert models_table(lone_shards).equals(models_table(reader))


def test_a_few_targets_alone_give_the_same_rows_without_q(reader: StoreReader) -> None:
    whole, part = genes_table(reader).to_pylist(), genes_table(reader, {"B", "none2"}).to_pylist()
    without = {"q_value": None, "q_permuted": None}
    assert part == [row | without for row in whole if row["target"] in {"B", "none2"}]


@pytest.mark.parametrize("rows", [1, 7, 40, 10**6])
def test_blocks_hold_whole_targets_and_every_row(reader: StoreReader, rows: int) -> None:
    found = read_out_of_fold(reader, "modifiers", of_method(scored_folds(reader), "modifiers"))
    blocks = list(found.blocks(rows))
    assert np.array_equal(np.concatenate([found.codes[block] for block in blocks]), found.codes)
    for before, after in itertools.pairwise(blocks):
        assert found.codes[before][-1] < found.codes[after][0]
    assert np.isfinite(pooled_scores(found)["rmse"]).sum() == len(TARGETS) - 1


def test_an_empty_store_has_an_empty_summary(tmp_path: Path) -> None:
    empty = StoreReader(made_writer(tmp_path).fs)
    assert genes_table(empty).num_rows == 0
    assert models_table(empty).num_rows == 0


def test_residuals_equal_the_slow_twin(reader: StoreReader) -> None:
    predictions = reader.table("predictions").to_pandas()
    models = models_table(reader).to_pylist()
    assert [row["target"] for row in models] == sorted(TARGETS)
    for row in models:
        mine = predictions[(predictions["target"] == row["target"]) & (predictions["method"] == "modifiers")]
        for level in (50, 80, 90, 95):
            expected = slow.residual_quantile(mine["measured"], mine["predicted"], level / 100)
            found = row[f"residual_{level}"]
            assert (found is None and np.isnan(expected)) or found == expected


@pytest.mark.parametrize(
    ("n", "level", "place"), [(19, 95, 19), (18, 95, None), (1, 50, 1), (9, 90, 9), (0, 50, None)]
)
def test_a_residual_quantile_is_one_of_the_errors(n: int, level: int, place: int | None) -> None:
    assert residual_quantile(np.arange(1.0, n + 1), level) == place


def test_predictions_without_noise_have_full_width(tmp_path: Path) -> None:
    """Predicting exactly what was measured: r = 1, its interval is closed at 1, p is 0 or next to it."""
    writer = made_writer(tmp_path)
    units = units_of(["A"], [0, 1])
    writer.add_plan(units)
    tables = made_tables(units)
    frame = tables["predictions"]
    tables["predictions"] = frame.set_column(5, "predicted", frame.column("measured"))
    made_commit(writer, units, tables=tables)
    (row,) = genes_table(StoreReader(writer.fs)).to_pylist()
    assert row["pearson_pooled"] == pytest.approx(1.0, abs=1e-12)
    assert row["pearson_high"] == pytest.approx(1.0, abs=1e-6)
    assert row["p_value"] < 1e-12
    assert row["rmse"] == 0.0
