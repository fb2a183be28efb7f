from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cluster.cli.analyses.validate import validate_in_words
from cluster.execution.run import run
from cluster.results.store import Store
from cluster.results.validate import headlines, lines_seen, validate
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError
from tests.made_datasets import GENES, TARGETS, made_dataset, made_matrices

LINES, TRAINED = 90, 60


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> StoreReader:
    """Models of the first 60 of 90 lines."""
    folder = tmp_path_factory.mktemp("validate")
    expression, effect = made_matrices(LINES)
    dataset = made_dataset(folder / "dataset", expression[:TRAINED], effect[:TRAINED])
    run(str(dataset), str(folder / "store"), methods=["ridge", "modifiers"], preset="ols", workers=0)
    return StoreReader.open(folder / "store")


def other(path: Path, rows: slice, measure: str = "effect", targets: tuple[str, ...] = TARGETS) -> Dataset:
    """Some of the 90 lines; an ordinal screen has levels of the same effects."""
    expression, effect = made_matrices(LINES)
    effect[LINES - 1, 0] = np.nan
    if measure == "level":
        effect = np.clip(np.round(1 - effect), 0, 2).astype(np.float32)
    lines = [f"ACH-{i:06d}" for i in range(LINES)][rows]
    return write_dataset(
        path, expression=expression[rows], effect=effect[rows], cell_lines=lines, genes=GENES,
        targets=targets, measure=measure,
    )  # fmt: skip


def test_new_lines_are_scored_as_predict_predicts_them(store: StoreReader, tmp_path: Path) -> None:
    dataset = other(tmp_path / "d", slice(50, None))
    made = validate(store, dataset, "ridge")
    assert (made.new, made.seen, made.flipped) == (30, 10, False)
    rows = {row["target"]: row for row in made.table.to_dict("records")}
    predicted = Store(store.fs.name).predict(_frame(dataset).iloc[10:], "ridge").predicted
    for place, target in enumerate(TARGETS):
        measured = dataset.effect[10:, place].astype(float)
        known = ~np.isnan(measured)
        x, y = measured[known], predicted[target].to_numpy()[known]
        row = rows[target]
        assert (row["n"], row["method"], row["dataset"]) == (known.sum(), "ridge", dataset.content_hash)
        assert row["pearson"] == pytest.approx(stats.pearsonr(x, y).statistic)
        assert row["spearman"] == pytest.approx(stats.spearmanr(x, y).statistic)
        assert row["rmse"] == pytest.approx(np.sqrt(np.mean((x - y) ** 2)))
    genes = Store(store.fs.name).genes().query("method == 'ridge'").set_index("target")
    assert {t: r["pearson_pooled"] for t, r in rows.items()} == genes["pearson_pooled"].to_dict()
    assert headlines(made)[0].startswith("Over 6 targets the mean r is ")


def test_a_trained_line_under_another_name_is_no_new_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    expression = rng.gamma(3, 1.5, (LINES, 50)).astype(np.float32)
    effect = (expression[:, :3] + rng.normal(0, 0.3, (LINES, 3))).astype(np.float32)
    genes = [f"G{i}" for i in range(50)]

    def of_lines(name: str, rows: slice, kind: str) -> Dataset:
        lines = [f"{kind}-{i:06d}" for i in range(LINES)][rows]
        return write_dataset(
            tmp_path / name, expression=expression[rows], effect=effect[rows], cell_lines=lines, genes=genes,
            targets=genes[:3],
        )  # fmt: skip

    run(of_lines("d", slice(TRAINED), "ACH").path, tmp_path / "s", methods="ridge", folds=2, workers=0)
    store = StoreReader.open(tmp_path / "s")
    made = validate(store, of_lines("again", slice(50, None), "NEW"), "ridge")
    assert (made.new, made.seen, made.renamed) == (30, 0, 10)
    same = validate(store, of_lines("same", slice(50, None), "ACH"), "ridge")
    assert made.table["pearson"].tolist() == same.table["pearson"].tolist()
    assert "10 more were dropped: their expression is that of lines" in "\n".join(headlines(made))
    with pytest.raises(BadInputError, match="every one of its 50 lines trained"):
        validate(store, of_lines("only", slice(50), "NEW"), "ridge")


def test_another_measure_flips_the_sign_and_has_no_rmse(store: StoreReader, tmp_path: Path) -> None:
    made = validate(store, other(tmp_path / "d", slice(50, None), "level"), "ridge")
    assert made.flipped
    assert made.table["rmse"].isna().all()
    assert made.table["pearson"].mean() > 0.3
    assert any("the other sign" in line for line in headlines(made))


def test_lines_that_were_seen_are_refused(store: StoreReader, tmp_path: Path) -> None:
    for name, rows, which in (
        ("a", slice(0, 40), "every one of its 40"),
        ("b", slice(20, 62), "all but 2 of"),
    ):
        with pytest.raises(BadInputError, match=f"{which}.* other lines"):
            validate(store, other(tmp_path / name, rows))
    strangers = tuple(f"OTHER{i}" for i in range(len(TARGETS)))
    with pytest.raises(BadInputError, match="none of its 6 targets has a model"):
        validate(store, other(tmp_path / "c", slice(50, None), targets=strangers))


def test_seen_lines_are_known_without_the_dataset(
    store: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = lines_seen(store)
    assert len(expected) == TRAINED
    monkeypatch.setattr(store, "datasets", lambda: ["/nowhere/at/all"])
    assert lines_seen(store) == expected
    monkeypatch.setitem(store.run, "scheme", "split")
    with pytest.raises(BadInputError, match=r"no longer at /nowhere/at/all.* put the Dataset back"):
        lines_seen(store)


def test_the_command_answers_first_and_writes_the_table(store: StoreReader, tmp_path: Path) -> None:
    other(tmp_path / "d", slice(50, None))
    out = tmp_path / "scores.csv"
    text = validate_in_words(store.fs.name, tmp_path / "d", None, out)
    assert text.startswith("Over 6 targets the mean r is ")
    assert "10 lines of it were dropped" in text
    assert len(out.read_text().splitlines()) == 7
    assert "stored as table `validation`" in text
    assert "holds this result already" in validate_in_words(store.fs.name, tmp_path / "d", None)
    (row,) = Store(store.fs.name).analyses().to_dict("records")
    assert (row["command"], row["rows"], row["current"]) == ("validate", 6, True)
    kept = Store(store.fs.name).validation().drop(columns="analysis")
    expected = validate(store, Dataset.open(tmp_path / "d")).table
    pd.testing.assert_frame_equal(kept, expected.sort_values("target", ignore_index=True), check_dtype=False)
    with pytest.raises(BadInputError, match="--out"):
        validate_in_words(store.fs.name, tmp_path / "d", None, tmp_path / "scores.xls")


def _frame(dataset: Dataset) -> pd.DataFrame:
    return pd.DataFrame(np.asarray(dataset.expression), index=dataset.cell_lines, columns=dataset.genes)


def test_all_that_is_wrong_is_said_at_once(store: StoreReader, tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        validate_in_words(store.fs.name, str(tmp_path / "none"), "zzz", tmp_path / "x.xyz")
    assert len(caught.value.problems) == 3
