import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.analyses.lineage import (
    LINEAGE_TARGETS_SCHEMA,
    LINEAGES_SCHEMA,
    OVERALL,
    SCORE_COLUMNS,
    HeldOut,
    lineage_targets_table,
    lineages_table,
)
from tasks.tables.schemas import SCHEMAS
from tests.reference import lineage as slow

LINEAGES = ("Lung", "Bowel", "Skin", "Breast", "Bone")
HELD_OUT = tuple(HeldOut(name, i, i + 5, 60 - i) for i, name in enumerate(LINEAGES))
FOLDS = [(h.lineage, h.fold, h.twin, h.n_lines) for h in HELD_OUT]


def scores_table(frame: pd.DataFrame) -> pa.Table:
    schema = pa.schema([SCHEMAS["scores"].field(name) for name in SCORE_COLUMNS])
    return pa.Table.from_pandas(frame[list(SCORE_COLUMNS)], schema=schema, preserve_index=False)


def scores_of(targets: int, methods: tuple[str, ...] = ("kernel", "modifiers")) -> pd.DataFrame:
    """Scores as shards leave them: some missing, some null, some equal in both folds."""
    rng = np.random.default_rng(targets)
    index = pd.MultiIndex.from_product(
        [methods, [f"T{i:03d}" for i in range(targets)], range(10)], names=["method", "target", "fold"]
    )
    frame = pd.DataFrame({"rmse": rng.gamma(4, 0.1, len(index))}, index=index).reset_index()
    frame["rmse_mean"] = frame["rmse"] * rng.uniform(0.9, 1.3, len(frame))
    frame["pearson"] = rng.uniform(-1, 1, len(frame))
    frame.loc[rng.random(len(frame)) < 0.1, "pearson"] = np.nan
    frame.loc[rng.random(len(frame)) < 0.1, ["rmse", "rmse_mean", "pearson"]] = np.nan
    same = frame["target"].isin(["T001", "T002"])
    frame.loc[same & (frame["target"] == "T001"), ["rmse", "rmse_mean"]] = 0.25  # no difference at all
    frame.loc[same & (frame["target"] == "T002") & (frame["fold"] % 5 < 3), "rmse"] = 0.5  # in some pairs
    frame.loc[frame["target"] == "T003", ["rmse", "rmse_mean", "pearson"]] = np.nan  # too few lines
    alone = (frame["target"] == "T004") & (frame["fold"] % 5 > 0)
    frame.loc[alone, ["rmse", "rmse_mean", "pearson"]] = np.nan  # one pair
    return frame[rng.random(len(frame)) > 0.05].reset_index(drop=True)  # some not done yet


@pytest.mark.long
@pytest.mark.parametrize("targets", [12, 80])
def test_both_tables_equal_a_loop_of_scipy(targets: int):
    frame = scores_of(targets)
    for made, expected, schema in (
        (lineages_table(scores_table(frame), HELD_OUT), slow.lineages(frame, FOLDS), LINEAGES_SCHEMA),
        (
            lineage_targets_table(scores_table(frame), HELD_OUT),
            slow.lineage_targets(frame, FOLDS),
            LINEAGE_TARGETS_SCHEMA,
        ),
    ):
        assert made.schema.equals(schema)
        pd.testing.assert_frame_equal(
            made.to_pandas(), expected[schema.names], check_dtype=False, rtol=1e-9, atol=1e-13
        )


def test_the_order_of_rows_and_other_folds_change_nothing():
    frame = scores_of(30)
    final = frame.assign(fold=-1, rmse=9.0)
    mixed = pd.concat([final, frame]).sample(frac=1, random_state=0)
    for table in (lineages_table, lineage_targets_table):
        assert table(scores_table(mixed), HELD_OUT).equals(table(scores_table(frame), HELD_OUT))


def test_a_target_does_not_depend_on_its_company():
    frame = scores_of(40)
    whole = lineage_targets_table(scores_table(frame), HELD_OUT).to_pylist()
    for target in ("T000", "T002", "T017"):
        alone = lineage_targets_table(scores_table(frame[frame["target"] == target]), HELD_OUT).to_pylist()
        assert alone == [row for row in whole if row["target"] == target]


def test_the_nasty_targets_say_what_they_are():
    frame = scores_of(12, ("modifiers",))
    rows = {r["target"]: r for r in lineage_targets_table(scores_table(frame), HELD_OUT).to_pylist()}
    same, missing, lone = rows["T001"], rows["T003"], rows["T004"]
    assert (same["difference"], same["t"], same["t_p"], same["wilcoxon_p"]) == (0.0, None, None, None)
    assert (missing["lineages"], missing["rmse"], missing["worst_lineage"]) == (0, None, None)
    assert lone["lineages"] <= 1
    assert (lone["t"], lone["wilcoxon_p"]) == (None, None)


def test_a_harder_lineage_is_seen_and_the_last_row_is_over_all():
    frame = scores_of(60, ("ridge",))
    frame.loc[frame["fold"] == 2, "rmse"] += 1.0
    rows = lineages_table(scores_table(frame), HELD_OUT).to_pylist()
    assert [row["lineage"] for row in rows] == [*LINEAGES, OVERALL]
    assert (rows[-1]["fold"], rows[-1]["n_lines"]) == (None, 60 + 59 + 58 + 57 + 56)
    skin = rows[2]
    assert skin["difference"] > 0.9
    assert max(skin["t_p"], skin["wilcoxon_p"], rows[-1]["t_p"]) < 1e-6
    assert skin["share_worse"] > 0.9
    targets = lineage_targets_table(scores_table(frame), HELD_OUT).to_pandas()
    assert (targets["worst_lineage"] == "Skin").mean() > 0.6  # the others miss a score there


def test_a_lineage_that_is_harder_for_any_forecast_says_nothing_of_the_model():
    frame = scores_of(60, ("ridge",))
    frame.loc[frame["fold"] == 2, ["rmse", "rmse_mean"]] += 1.0
    skin = lineages_table(scores_table(frame), HELD_OUT).to_pylist()[2]
    assert skin["difference"] > 0.9
    assert skin["t_p"] < 1e-6
    assert abs(skin["beyond_mean"]) < 0.05
    assert min(skin["beyond_mean_t_p"], skin["beyond_mean_wilcoxon_p"]) > 0.001


def test_no_lineages_or_no_scores_give_empty_tables():
    frame = scores_of(12)
    assert lineages_table(scores_table(frame), ()).equals(LINEAGES_SCHEMA.empty_table())
    assert lineage_targets_table(scores_table(frame), ()).equals(LINEAGE_TARGETS_SCHEMA.empty_table())
    assert lineages_table(scores_table(frame[:0]), HELD_OUT).num_rows == 0
    assert lineage_targets_table(scores_table(frame[:0]), HELD_OUT).num_rows == 0
