"""Two methods of a store, or of two, compared target by target on the same folds."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from cluster import Store, run
from cluster.cli.analyses.compare import ROWS_SHOWN, compare_in_words
from cluster.figures.page import page
from cluster.figures.targets import compared
from cluster.results.compare import among, compare, headlines
from cluster.store.records import targets_digest
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.commands import knockcast
from tests.made_stores import BODY, made_commit, made_writer, units_of


@pytest.fixture(scope="module")
def targets(small_dataset: Path) -> list[str]:
    return Dataset.open(small_dataset).targets[:24]


@pytest.fixture(scope="module")
def store(small_dataset: Path, targets: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compared") / "store"
    methods = ("one_modifier", "all_modifiers", "ridge")
    run(small_dataset, path, methods=methods, targets=targets, scheme="split", final=False, workers=0)
    return path


def test_the_comparison_is_that_of_the_scores(store: Path):
    made = compare(str(store), "one_modifier", "ridge")
    scores = Store(store).scores().pivot_table(index="target", columns="method", values="pearson")
    known = scores[["one_modifier", "ridge"]].dropna()
    assert len(known) > 15
    table = made.table.set_index("target").loc[known.index]
    np.testing.assert_array_equal(table["pearson_first"], known["one_modifier"])
    np.testing.assert_array_equal(table["pearson_second"], known["ridge"])
    assert made.paired.n == len(known)
    assert made.paired.first_better == (known["one_modifier"] > known["ridge"]).sum()
    assert made.paired.t_p == pytest.approx(stats.ttest_rel(*known.to_numpy().T).pvalue, rel=1e-10)
    pooled = Store(store).genes().set_index(["method", "target"])["pearson_pooled"]
    np.testing.assert_array_equal(table["pooled_second"], pooled["ridge"].loc[known.index])
    turned = compare(str(store), "ridge", "one_modifier")
    assert turned.paired.mean == pytest.approx(-made.paired.mean, rel=1e-12)


def test_one_modifier_is_the_best_of_all(store: Path):
    modifiers = Store(store).modifiers()
    one, every = (modifiers[modifiers["method"] == m] for m in ("one_modifier", "all_modifiers"))
    assert len(every) > 2 * len(one) > 10
    best = every[every["rank"] == 1]
    columns = ["target", "fold", "modifier", "pearson", "chi2_q", "rank"]
    pd.testing.assert_frame_equal(
        one[columns].reset_index(drop=True), best[columns].reset_index(drop=True), check_exact=True
    )
    assert set(Store(store).candidates()["candidate"]) == {"xgboost", "ridge"}


def test_a_list_of_targets_and_another_store(
    small_dataset: Path, targets: list[str], store: Path, tmp_path: Path
):
    other = tmp_path / "other"
    run(
        small_dataset,
        other,
        methods=("modifiers",),
        preset="knn",
        targets=targets[:6],
        scheme="split",
        final=False,
        workers=0,
    )
    made = compare(str(store), "ridge", f"{other}:modifiers")
    assert set(made.table["target"]) <= set(targets[:6])
    some = made.table["target"].tolist()[:2]
    assert set(compare(str(store), "ridge", f"{other}:modifiers", some).table["target"]) == set(some)
    with pytest.raises(BadInputError, match="no target of those asked has a score of both"):
        compare(str(store), "ridge", "one_modifier", ["NOSUCH"])


def test_what_cannot_be_compared_is_refused(
    small_dataset: Path, targets: list[str], store: Path, tmp_path: Path
):
    run(
        small_dataset,
        tmp_path / "s",
        methods=("ridge",),
        targets=targets[:3],
        folds=3,
        seed=1,
        final=False,
        workers=0,
    )
    with pytest.raises(BadInputError) as caught:
        compare(str(store), "ridge", f"{tmp_path / 's'}:ridge")
    asked = [problem.partition(" differ in ")[2] for problem in caught.value.problems]
    assert [field.partition(":")[0] for field in asked] == ["scheme", "seed", "folds"]
    own = {"methods": ("forest",), "targets": targets[:2], "folds": 2, "final": False, "workers": 0}
    run(small_dataset, tmp_path / "shared", **own)
    run(small_dataset, tmp_path / "own", stratified=True, **own)
    with pytest.raises(BadInputError, match="differ in stratified"):
        compare(str(tmp_path / "own"), "forest", f"{tmp_path / 'shared'}:forest")
    with pytest.raises(BadInputError, match="no results of method kernel; it holds all_modifiers, "):
        compare(str(store), "ridge", "kernel")
    with pytest.raises(BadInputError, match=r"--out .*\.xlsx"):
        compare_in_words(str(store), "ridge", "one_modifier", None, tmp_path / "c.xlsx")


def test_the_command_prints_the_counts_and_writes_the_table(store: Path, tmp_path: Path):
    out = tmp_path / "c.csv"
    ended = knockcast("compare", store, "ridge", "one_modifier", "--out", out)
    assert ended.returncode == 0, ended.stderr
    made = compare(str(store), "ridge", "one_modifier")
    assert f"{len(made.table)} targets scored by both" in ended.stdout
    assert f"ridge is better for {made.paired.first_better} targets" in ended.stdout
    assert pd.read_csv(out)["target"].tolist() == made.table["target"].tolist()


def test_a_list_is_what_a_comparison_of_it_alone_gives(store: Path):
    whole = compare(str(store), "ridge", "one_modifier")
    some = whole.table["target"].tolist()[1::3]
    listed, alone = among(whole, [*some, some[0]]), compare(str(store), "ridge", "one_modifier", some)
    pd.testing.assert_frame_equal(listed.table, alone.table, check_exact=True)
    assert (listed.paired, listed.pooled) == (alone.paired, alone.pooled)
    differences = [
        row["pearson_first"] - row["pearson_second"]
        for row in whole.table.to_dict("records")
        if row["target"] in some
    ]
    wins = sum(difference > 0 for difference in differences)
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)
    assert listed.paired.first_better == wins < whole.paired.first_better
    assert listed.paired.mean == pytest.approx(sum(differences) / len(some), rel=1e-12)
    assert (listed.paired.low, listed.paired.high) == pytest.approx(tuple(interval), rel=1e-10)
    assert among(whole, [some[0], "NOSUCH"]).table["target"].tolist() == some[:1]
    with pytest.raises(BadInputError, match="none of them is scored by both ridge and one_modifier"):
        among(whole, ["NOSUCH"])
    with pytest.raises(BadInputError, match="no target is named"):
        compare_in_words(str(store), "ridge", "one_modifier", ", ")


def test_of_a_list_what_one_side_lacks_is_told_and_what_no_side_knows_refused(
    store: Path, small_dataset: Path
):
    scored = compare(str(store), "ridge", "one_modifier").table["target"].tolist()
    others = [name for name in Dataset.open(small_dataset).targets if name not in scored][:2]
    words = compare_in_words(str(store), "ridge", "one_modifier", ",".join([scored[0], *others]))
    last = words.splitlines()[-1]
    assert last.startswith("2 of the list not scored by both ridge and one_modifier: ")
    assert [name.split(" (")[0] for name in last.partition(": ")[2].split(", ")] == others
    with pytest.raises(BadInputError) as caught:
        compare_in_words(str(store), "ridge", "one_modifier", f"NOSUCH,{scored[0]},NORTHIS")
    assert [problem.split()[1] for problem in caught.value.problems] == ["NOSUCH", "NORTHIS"]


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    """Of three targets with r, `latent` scores two, as shared networks do: the third is not variable."""
    facts = pa.table(
        {
            "target": ["A", "B", "TP53"],
            "class": ["variable", "variable", "common essential"],
            "mean": [0.0, 0.0, -1.0],
            "sd": [1.0, 1.0, 0.01],
        }
    )
    body = {**BODY, "n_folds": 3, "folds": [], "targets_sha256": targets_digest(facts)}
    writer = made_writer(tmp_path / "uneven", body)
    writer.put_targets(facts)
    for method, targets, folds in (("kernel", ["A", "B", "TP53"], [0, 1, 2]), ("latent", ["A", "B"], [0, 1])):
        writer.add_plan(units_of(targets, folds, method))
        made_commit(writer, units_of(targets, folds[:2], method))
        if folds[2:]:
            made_commit(writer, units_of(["A", "TP53"], folds[2:], method))
    made_commit(writer, units_of(["A"], [2], "latent"))
    return tmp_path / "uneven"


@pytest.mark.parametrize("listed", ["TP53", "TP53,A"])
def test_a_target_that_one_side_lacks_keeps_nothing_else_from_being_compared(
    uneven: Path, tmp_path: Path, listed: str
):
    out = tmp_path / "c.csv"
    words = compare_in_words(str(uneven), "latent", "kernel", listed, out)
    lines = words.splitlines()
    assert lines[0].startswith("2 targets scored by both")
    assert (
        "1 of the list not scored by both latent and kernel: TP53 (common essential; kernel alone)" in lines
    )
    assert pd.read_csv(out)["target"].tolist() == [name for name in listed.split(",") if name != "TP53"]
    assert ("the list of --targets alone" in words) == ("A" in listed.split(","))
    with pytest.raises(BadInputError, match="NOSUCH is not among"):
        compare_in_words(str(uneven), "latent", "kernel", f"{listed},NOSUCH")


def test_it_says_how_many_folds_count_in_both(uneven: Path, store: Path):
    made = compare(str(uneven), "latent", "kernel")
    assert dict(zip(made.table["target"], made.table["folds"], strict=True)) == {"A": 3, "B": 2}
    assert headlines(made)[0].endswith("r is a target's mean over the folds that both score (2 to 3 of 3)")
    assert headlines(among(made, ["B"]))[0].endswith("(2 of 3)")
    assert headlines(compare(str(store), "ridge", "one_modifier"))[0].endswith("(1 of 1)")


def test_a_comparison_that_is_not_drawn_needs_no_plotly(store: Path):
    code = (
        "import sys\nfrom cluster.cli.analyses.compare import compare_in_words\n"
        f"compare_in_words({str(store)!r}, 'ridge', 'one_modifier', None)\n"
        "assert not {'plotly', 'ray', 'torch'} & sys.modules.keys()\n"
    )
    root = str(Path(__file__).parents[3])
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": root})


def test_a_list_is_printed_after_all_targets(store: Path, tmp_path: Path):
    whole = compare(str(store), "ridge", "one_modifier")
    some = whole.table["target"].tolist()[:2]
    (tmp_path / "genes.txt").write_text("\n".join(some), encoding="utf-8")
    out = tmp_path / "c.csv"
    words = compare_in_words(str(store), "ridge", "one_modifier", f"@{tmp_path / 'genes.txt'}", out)
    overall, _, rest = words.partition("\n\nOf these, the list of --targets alone:\n")
    assert overall.splitlines() == headlines(whole)
    lines = rest.splitlines()
    assert lines[: len(overall.splitlines())] == headlines(among(whole, some))
    assert [line.split()[0] for line in lines[-3:-1]] == some
    assert lines[-1] == f"{out}: one row per target of the list"
    assert pd.read_csv(out)["target"].tolist() == some


def test_a_long_list_is_cut_and_one_target_has_no_interval(store: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cluster.cli.analyses.compare.ROWS_SHOWN", 2)
    names = compare(str(store), "ridge", "one_modifier").table["target"].tolist()
    assert ROWS_SHOWN > 2
    words = compare_in_words(str(store), "ridge", "one_modifier", ",".join(names[:5]))
    assert words.splitlines()[-1] == "... and 3 more; --out FILE writes them all"
    assert "nan" not in compare_in_words(str(store), "ridge", "one_modifier", names[0])


def test_the_scatter_has_a_dot_a_target_and_marks_the_list(store: Path):
    whole = compare(str(store), "ridge", "one_modifier")
    names = whole.table["target"].tolist()
    whole.table.loc[3, "target"] = evil = "<img src=x onerror=alert(1)>"
    drawn = compared(whole, [evil, names[0]])
    diagonal, others, chosen = drawn.figure.data
    assert list(diagonal.x) == list(diagonal.y)
    shown = "&lt;img src=x onerror=alert(1)&gt;"
    assert list(chosen.text) == [names[0], shown]
    assert chosen.mode == "markers+text"
    for trace, rows in ((others, whole.table.drop(index=[0, 3])), (chosen, whole.table.loc[[0, 3]])):
        np.testing.assert_array_equal(trace.y, rows["pearson_first"])
        np.testing.assert_array_equal(trace.x, rows["pearson_second"])
        told = [line.partition("<br>")[0].replace(shown, evil) for line in trace.hovertext]
        assert told == rows["target"].tolist()
    assert drawn.numbers.loc[drawn.numbers["listed"], "target"].tolist() == [names[0], evil]
    assert drawn.figure.layout.yaxis.title.text.startswith("r of ridge")
    unlisted = compared(whole).figure.data
    assert [len(trace.x) for trace in unlisted] == [2, len(names)]
    assert b"<img" not in page(drawn.figure, evil).partition(b"<title>")[2].partition(b"plotly.js v")[0]
    assert b"<img src=x" not in page(drawn.figure, evil).rpartition(b"Plotly.newPlot")[2]


def test_the_command_writes_the_scatter(store: Path, targets: list[str], tmp_path: Path):
    figure = tmp_path / "c.html"
    words = compare_in_words(str(store), "ridge", "one_modifier", None, figure=figure)
    assert words.splitlines()[-1] == f"{figure}: the scatter"
    assert "ridge against one_modifier" in figure.read_text(encoding="utf-8")
    compare_in_words(str(store), "ridge", "one_modifier", None, figure=tmp_path / "c.svg")
    assert ">ridge against one_modifier<" in (tmp_path / "c.svg").read_text(encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        compare_in_words(str(store), "ridge", "one_modifier", None, tmp_path / "c.xlsx", tmp_path / "c.bmp")
    assert [problem.split()[0] for problem in caught.value.problems] == ["--out", "--figure"]
    with pytest.raises(BadInputError, match=r"--figure .*cannot be written"):
        compare_in_words(str(store), "ridge", "one_modifier", None, figure=tmp_path / "no" / "c.html")
