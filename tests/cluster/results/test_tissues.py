"""`tissues` from files of predictions to words, a figure and a table of the store."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.cli.analyses.tissues import tissues_in_words
from cluster.execution.run import run
from cluster.figures.registry import FIGURES
from cluster.maintenance.maintain import verify
from cluster.results.biology.tissues import tissues
from cluster.results.store import Store
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError
from tests.made_datasets import TARGETS, made_dataset, made_matrices


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> StoreReader:
    folder = tmp_path_factory.mktemp("tissues")
    dataset = made_dataset(folder / "dataset", *made_matrices(60))
    run(str(dataset), str(folder / "store"), methods=["ridge"], workers=0)
    return StoreReader.open(folder / "store")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """12 samples of A and 12 of B: A depends on G0 more than B and than every normal tissue."""
    rng = np.random.default_rng(1)
    values = pd.DataFrame(rng.normal(0, 0.1, (24, 6)), columns=TARGETS, index=[f"s{i}" for i in range(24)])
    values.iloc[:12, 0] -= 1
    normal = pd.DataFrame(rng.normal(0, 0.1, (5, 6)), columns=TARGETS, index=[f"n{i}" for i in range(5)])
    names = {name: tmp_path / name for name in ("f.csv", "f.targets.csv", "n.csv", "groups.csv")}
    values.rename_axis("sample").to_csv(names["f.csv"])
    normal.rename_axis("sample").to_csv(names["n.csv"])
    trust = pd.DataFrame(
        {"target": TARGETS, "method": "ridge", "pearson_pooled": [0.9, 0.1, 0.9, 0.9, 0.9, 0.9]}
    )
    trust.to_csv(names["f.targets.csv"], index=False)
    groups = pd.DataFrame({"sample": values.index, "group": ["A"] * 12 + ["B"] * 12})
    groups.to_csv(names["groups.csv"], index=False)
    return names


def test_the_command_says_stores_and_draws(
    store: StoreReader, files: dict[str, Path], tmp_path: Path
) -> None:
    out, figure = tmp_path / "rows.csv", tmp_path / "figure.html"
    text = tissues_in_words(
        store.fs.name, files["f.csv"], files["groups.csv"], normal=files["n.csv"], out=out, figure=figure
    )
    lines = text.splitlines()
    assert lines[0] == "Predictions of 1 of 6 targets differ between groups at q < 0.05 (A 12, B 12 samples)."
    assert "A, more dependent than the others (1 target; q < 0.05, r >= 0.2 out of fold):" in lines
    assert "A, more dependent than every normal tissue (1 target; q < 0.05, r >= 0.2 out of fold):" in lines
    assert (
        lines[
            lines.index(
                "B, more dependent than every normal tissue (0 targets; q < 0.05, r >= 0.2 out of fold):"
            )
            + 2
        ]
        == "none"
    )
    assert "stored as table `tissues`" in lines[-1]
    frame = Store(store.fs.name).tissues()
    assert len(frame) == 6 * 2 * 2 == len(out.read_text().splitlines()) - 1
    row = frame.query("target == 'G0' and group == 'A' and against == 'normal'").iloc[0]
    assert (row["method"], row["stronger"], row["share_normal"]) == ("ridge", True, 0.0)
    assert row["margin"] > 0.5
    assert b"plotly" in figure.read_bytes()
    drawn = FIGURES["tissues"].draw(store)
    assert drawn is not None
    assert set(drawn.numbers.query("chosen_for == 'A'")["target"]) == {"G0"}
    assert set(drawn.numbers["against"]) == {"others", "normal"}
    assert len(drawn.figure.data) == 2
    assert verify(store.fs).ok
    again = tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"], normal=files["n.csv"])
    assert "holds this result already" in again


def test_a_figure_for_print(store: StoreReader, files: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is missing: no figure for print was drawn")
    figure = tmp_path / "figure.svg"
    tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"], figure=figure)
    assert ">G0<" in figure.read_text()


def test_badly_predicted_targets_are_not_shown(store: StoreReader, files: dict[str, Path]) -> None:
    values = pd.read_csv(files["f.csv"], index_col=0)
    values.iloc[:12, 1] -= 3
    values.to_csv(files["f.csv"])
    made = tissues(store, files["f.csv"], files["groups.csv"])
    assert made.selective("A")["target"].tolist() == ["G0"]
    assert made.selective("A", least_r=0.0)["target"].tolist() == ["G1", "G0"]
    files["f.targets.csv"].unlink()
    text = tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"])
    assert "how well each target is predicted is not known" in text
    assert "A, more dependent than the others (2 targets; q < 0.05):" in text
    assert set(Store(store.fs.name).tissues()["method"]) >= {"unknown"}


def test_flagged_samples_are_counted_by_group(store: StoreReader, files: dict[str, Path]) -> None:
    fit = pd.DataFrame({"sample": [f"s{i}" for i in range(24)], "flagged": [i % 4 == 0 for i in range(24)]})
    fit.loc[12:, "flagged"] = False
    fit.to_csv(files["f.csv"].with_name("f.samples.csv"), index=False)
    text = tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"])
    assert "LOOK AGAIN: flagged by `predict`, as unlike any cell line: A 3 of 12. " in text
    rows = (
        tissues(store, files["f.csv"], files["groups.csv"]).table.query("target == 'G0'").set_index("group")
    )
    assert rows["flagged"].to_dict() == {"A": 3, "B": 0}
    assert rows["flagged_against"].to_dict() == {"A": 0, "B": 3}
    normals = pd.DataFrame({"sample": [f"n{i}" for i in range(5)], "flagged": [True] * 4 + [False]})
    normals.to_csv(files["n.csv"].with_name("n.samples.csv"), index=False)
    text = tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"], normal=files["n.csv"])
    assert "any cell line: A 3 of 12, normal tissues 4 of 5. " in text
    fit.assign(flagged=False).to_csv(files["f.csv"].with_name("f.samples.csv"), index=False)
    assert "flagged" not in tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"])


def test_samples_without_a_group_and_small_groups_are_told(
    store: StoreReader, files: dict[str, Path]
) -> None:
    groups = pd.read_csv(files["groups.csv"])
    groups.loc[:1, "group"] = "C"
    groups = pd.concat([groups.drop(index=5), pd.DataFrame({"sample": ["far"], "group": ["A"]})])
    groups.to_csv(files["groups.csv"], index=False)
    text = tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"])
    assert "groups with fewer than 3 samples, left out: C 2" in text
    assert "1 samples have no group and are left out" in text
    assert "1 samples of the groups are not in the forecast" in text


def test_every_problem_of_every_file_is_listed(
    store: StoreReader, files: dict[str, Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("sample,x\na,1\n")
    with pytest.raises(BadInputError) as raised:
        tissues_in_words(store.fs.name, bad, tmp_path / "none.csv", normal=bad)
    assert len(raised.value.problems) == 3
    files["groups.csv"].write_text("sample,group\n" + "".join(f"s{i},A\n" for i in range(9)))
    with pytest.raises(BadInputError, match="only 'A' has 3 samples or more; expected two such groups"):
        tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"])
    files["groups.csv"].write_text("sample,group\nq1,A\n")
    with pytest.raises(BadInputError, match="none of its samples is in the forecast"):
        tissues_in_words(store.fs.name, files["f.csv"], files["groups.csv"])
    with pytest.raises(BadInputError) as raised:
        tissues_in_words(store.fs.name, bad, bad, out=Path("x.doc"), figure=Path("y.doc"))
    assert len(raised.value.problems) == 2
