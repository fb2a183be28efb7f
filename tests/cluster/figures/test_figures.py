"""The figures of a store: their numbers against loops; pages that load nothing and run no user's name."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from plotly.offline import get_plotlyjs

from cluster import Store
from cluster.cli.output import write_figures
from cluster.figures.page import POLICY, page
from cluster.figures.registry import FIGURES
from cluster.figures.targets import classes, histogram
from cluster.figures.vectors import boxes, drugs
from cluster.store.reader import StoreReader
from cluster.store.records import targets_digest
from cluster.store.units import fold_level_unit
from tasks.errors import BadInputError
from tasks.tables.schemas import table_of
from tests.commands import knockcast
from tests.made_stores import BODY, made_commit, made_store, made_writer, units_of
from tests.promises import Measured
from tests.reference import figures as slow

EVIL = "<script>alert(1)</script>"
TARGETS = ("A", "B", EVIL, "flat1", "none1", 'quo"te', "%{x}")
FACTS = pa.table(
    {
        "target": [*TARGETS, "unmeasured"],
        "class": ["variable", "near 0", "variable", "near 1", "near 0", "near 0", "variable", ""],
        "mean": [-0.5, -0.1, -0.7, -1.0, 0.0, 0.1, 0.2, None],
        "sd": [0.3, 0.05, 0.4, 0.05, 0.04, 0.09, 0.2, None],
    }
)
LINES = [f"ACH-{n:06d}" for n in range(9)] + [EVIL]
FOLDS = 3
# Of what this store has not: see test_overview.
ELSEWHERE = {"lineage_errors", "lineages", "modifiers", "one_many", "pathways", "tissues"}
DRAWN = [name for name in FIGURES if name not in ELSEWHERE]


def profile_rows(method: str, fold: int) -> list[dict[str, object]]:
    """A line without r in one fold, one without any, one missing from a fold; and rows no boxplot shows."""
    generator = np.random.default_rng([fold, len(method)])
    models = [("ridge", "both"), ("network", "expression"), ("ridge", "expression"), ("ranking", "both")]
    rows: list[dict[str, object]] = []
    for model, features in models:
        for at, line in enumerate(LINES[: 9 if fold == 1 else 10]):
            r, rho = generator.uniform(-0.3, 0.9, size=2)
            unknown = at == 2 or (at == 3 and fold == 0)
            scores = {"pearson": None if unknown else r, "spearman": None if at == 2 else rho}
            rows.append({"model": model, "features": features, "axis": "cell_line", "name": line} | scores)
        rows.append({"model": model, "features": features, "axis": "gene", "name": "A", "pearson": -0.9})
    return [{"method": method, "fold": fold, "n": 5, **row} for row in rows]


def component_rows(fold: int) -> list[dict[str, object]]:
    generator = np.random.default_rng(fold)
    return [
        {"method": "profiles", "fold": fold, "component": at, "pearson_train": 1 - at / 20}
        | {"pearson": None if (fold, at) == (0, 4) else float(generator.uniform(-0.1, 0.8))}
        for at in range(1, 13 - fold)
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("s") / "store"
    writer = made_writer(
        path, {**BODY, "measure": "effect", "n_folds": FOLDS, "targets_sha256": targets_digest(FACTS)}
    )
    writer.put_targets(FACTS)
    for fold in range(FOLDS):
        for method in ("latent", "plain"):
            made_commit(writer, units_of(TARGETS, [fold], method))
        for method in ("profiles", "drugs"):
            tables = {"profile_scores": table_of("profile_scores", profile_rows(method, fold))}
            if method == "profiles":
                tables["components"] = table_of("components", component_rows(fold))
            made_commit(writer, [fold_level_unit(method, fold)], tables=tables)
    return path


@pytest.fixture(scope="module")
def folder(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "deep" / "figures"
    write_figures(str(path), None, out)
    return out


def numbers(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""])


def _plain(frame: pd.DataFrame) -> list[dict[str, object]]:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def test_every_figure_has_a_page_and_its_numbers(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        f"{name}.{suffix}" for name in DRAWN for suffix in ("csv", "html")
    )


def test_the_histogram_counts_every_target_once(path: Path, folder: Path) -> None:
    means = slow.mean_by(_plain(Store(path).scores()), ("method", "target"), "pearson")
    table = numbers(folder, "histogram")
    drawn = FIGURES["histogram"].draw(StoreReader.open(path))
    for trace, (method, rows) in zip(drawn.figure.data, table.groupby("method"), strict=True):
        r = [mean for (of, _), mean in means.items() if of == method and mean is not None]
        assert len(r) == 5  # neither the constant target nor the one without modifiers has an r
        assert rows["targets"].tolist() == [
            slow.histogram(r, *bin) for bin in zip(rows["low"], rows["high"], strict=True)
        ]
        assert rows["targets"].sum() == len(r) == rows["scored"].iloc[0]
        above = sum(mean > 0.2 for mean in r)
        assert rows.loc[rows["low"] >= 0.2, "targets"].sum() == above == rows["above"].iloc[0]
        assert rows["mean"].iloc[0] == pytest.approx(sum(r) / len(r), rel=1e-12)
        assert trace.name == f"{method}: {above} of 5 above 0.2, mean {rows['mean'].iloc[0]:.3f}"
        assert list(trace.y) == [0, *rows["targets"], 0]


def test_a_mean_on_a_bins_edge_counts_below_it() -> None:
    r = [-1.0 - 1e-16, -1.0, 0.2, np.nextafter(0.2, 1), 0.0, 1.0, 1.0 + 1e-15]
    table = histogram(pd.DataFrame({"method": "m", "target": list("abcdefg"), "pearson": r})).numbers
    counts = table.set_index(table["high"].round(2))["targets"]
    assert counts[counts > 0].to_dict() == {-0.98: 2, 0.0: 1, 0.2: 1, 0.22: 1, 1.0: 2}
    assert table["above"].unique().tolist() == [3]


@pytest.mark.parametrize(("name", "models"), [("profiles", 4), ("drugs", 3)])
def test_boxes_hold_each_lines_mean_over_folds(path: Path, folder: Path, name: str, models: int) -> None:
    stored = Store(path).profile_scores().query("method == @name and axis == 'cell_line'")
    rows = [row for row in _plain(stored) if name == "profiles" or row["model"] != "ranking"]
    table = numbers(folder, name)
    assert len(table) == models * len(LINES)
    keys = ("model", "features", "cell_line")
    lines = [{**row, "cell_line": row["name"]} for row in rows]
    for value in ("pearson", "spearman"):
        means, acc = slow.mean_by(lines, keys, value), slow.accuracy(rows, value)
        for row in _plain(table):
            mean = means[tuple(row[key] for key in keys)]
            assert row[value] == (None if mean is None else pytest.approx(mean, rel=1e-12))
            assert row[f"acc_{value}"] == pytest.approx(acc[row["model"], row["features"]], rel=1e-12)
    assert set(table["folds"]) == {0, 2, 3}
    assert table["acc_pearson"].is_monotonic_increasing
    traces = FIGURES[name].draw(StoreReader.open(path)).figure.data
    assert [trace.name for trace in traces] == ["Pearson r", "Spearman ρ"]
    for trace, value in zip(traces, ("pearson", "spearman"), strict=True):
        np.testing.assert_allclose(trace.y, table[value], rtol=1e-12)
        assert len(dict.fromkeys(trace.x)) == models


def test_a_ranking_alone_is_drawn_and_called_so() -> None:
    rows = pd.DataFrame([row for fold in range(FOLDS) for row in profile_rows("drugs", fold)])
    lines = rows[rows["axis"] == "cell_line"]
    alone, beside = drugs(lines[lines["model"] == "ranking"]), drugs(lines)
    assert alone.numbers["model"].tolist() == ["ranking"] * len(LINES)
    assert "ranking" not in set(beside.numbers["model"])
    told = [drawn.figure.layout.title.subtitle.text for drawn in (alone, beside)]
    assert ["too few drugs had known targets" in text for text in told] == [True, False]


def test_boxes_of_models_on_the_same_features_do_not_name_them() -> None:
    rows = pd.DataFrame(
        [
            {"model": m, "features": None, "name": "L1", "fold": 0, "pearson": r, "spearman": r / 2}
            for m, r in (("1e3", 0.5), ("ols", 0.25))
        ]
    )
    figure = boxes(rows, "t", "n").figure
    assert list(figure.data[0].x) == ["ols<br>r 0.250, ρ 0.125", "1e3<br>r 0.500, ρ 0.250"]
    assert figure.layout.xaxis.type == "category"


def test_components_are_means_over_the_folds_that_have_them(path: Path, folder: Path) -> None:
    table = numbers(folder, "components")
    rows = [row for fold in range(FOLDS) for row in component_rows(fold)]
    assert table["component"].tolist() == list(range(1, 13))
    for column in ("pearson_train", "pearson"):
        expected = slow.mean_by(rows, ("component",), column)
        np.testing.assert_allclose(table[column], [expected[at,] for at in range(1, 13)], rtol=1e-12)
    assert table["folds"].tolist() == [3, 3, 3, 2, 3, 3, 3, 3, 3, 3, 2, 1]
    traces = FIGURES["components"].draw(StoreReader.open(path)).figure.data
    assert [trace.name for trace in traces] == ["training genes", "test genes"]
    np.testing.assert_allclose(traces[1].y, table["pearson"], rtol=1e-12)


def test_classes_are_counted_and_the_cuts_drawn(path: Path, folder: Path) -> None:
    table = numbers(folder, "classes")
    assert table["target"].tolist() == sorted(TARGETS)  # the target without a measured effect has no dot
    figure = FIGURES["classes"].draw(StoreReader.open(path)).figure
    assert [trace.name for trace in figure.data] == ["variable: 3", "near 0: 3", "near 1: 1"]
    for trace in figure.data:
        mine = table[table["class"] == trace.name.partition(":")[0]]
        np.testing.assert_array_equal(trace.x, mine["mean"])
        np.testing.assert_array_equal(trace.y, mine["sd"])
    level, cut = figure.layout.shapes
    assert (level.y0, level.y1, cut.x0, cut.x1) == (0.1, 0.1, -0.5, -0.5)
    assert "gene effect" in figure.layout.title.subtitle.text


@pytest.mark.parametrize(
    ("measure", "cut", "words"), [("level", 1.0, "not a gene effect"), ("dependency", 0.5, "probability")]
)
def test_the_measure_and_its_cut_are_named(measure: str, cut: float, words: str) -> None:
    figure = classes(FACTS.to_pandas(), measure).figure
    assert figure.layout.shapes[1].x0 == cut
    assert words in figure.layout.title.subtitle.text
    assert f"at a mean of {cut:g}" in figure.layout.title.subtitle.text
    assert measure in figure.layout.xaxis.title.text


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", DRAWN)
def test_a_page_loads_nothing_and_runs_no_name(folder: Path, name: str, measured: Measured) -> None:
    text = (folder / f"{name}.html").read_text(encoding="utf-8")
    assert text.count(get_plotlyjs()) == 1
    ours = text.replace(get_plotlyjs(), "")
    tags = Tags()
    tags.feed(ours)
    assert not [tag for tag, with_ in tags.found if with_.keys() & {"src", "href", "srcset", "data"}]
    assert [tag for tag, _ in tags.found].count("script") == 3  # its settings, plotly.js, the figure
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in [with_ for _, with_ in tags.found]
    assert "default-src 'none'" in POLICY
    assert "http" not in POLICY
    assert "http://" not in ours
    assert "https://" not in ours
    assert '"showSendToCloud": false' in ours  # or a button would send the data to Plotly
    assert EVIL not in ours
    assert "\\u003cscript" not in ours  # JSON of an unescaped name, which Plotly would take for a tag
    told = "&lt;script&gt;alert" in ours
    assert told == (
        name in {"classes", "profiles", "drugs", "gain", "methods"}
    )  # as text, where a figure tells names at all
    measured(pages_with_names_as_markup=1)


def test_equal_figures_are_equal_bytes(path: Path) -> None:
    reader = StoreReader.open(path)
    first, second = (page(FIGURES["classes"].draw(reader).figure, "<b>") for _ in range(2))
    assert first == second
    assert b"<title>&lt;b&gt;</title>" in first


def test_one_figure_is_written_alone_and_what_lacks_data_is_said(path: Path, tmp_path: Path) -> None:
    words = write_figures(str(path), "components", tmp_path)
    assert words.splitlines() == [str(tmp_path / "components.html"), str(tmp_path / "components.csv")]
    made_store(tmp_path / "s")  # neither facts nor shared networks
    words = write_figures(str(tmp_path / "s"), None, tmp_path / "some")
    there = ["controls", "gain", "histogram", "model_types", "tests"]
    assert sorted(p.stem for p in (tmp_path / "some").glob("*.html")) == there
    left = [line.split(":")[1].strip() for line in words.splitlines() if line.startswith("left out")]
    assert left == [name for name in FIGURES if name not in there]
    with pytest.raises(BadInputError, match=r"drugs: .* holds no scores of method drugs"):
        write_figures(str(tmp_path / "s"), "drugs", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(BadInputError, match=r"--out .*: cannot be written"):
        write_figures(str(path), "components", tmp_path / "components.csv")


def test_the_command_draws_and_refuses_unknown_names(path: Path, tmp_path: Path) -> None:
    done = knockcast("figures", path, "classes", "--out", tmp_path / "f")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "f" / "classes.html").exists()
    refused = knockcast("figures", path, "pie", "--out", tmp_path / "g")
    assert refused.returncode == 2
    assert "known are classes, components, controls, drugs" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "g").exists()


def test_the_tables_answer_queries(path: Path) -> None:
    store = Store(path)
    counted = store.query("SELECT method, count(*) n FROM profile_scores GROUP BY 1 ORDER BY 1")
    assert counted["n"].tolist() == store.profile_scores().groupby("method").size().tolist()
    assert store.query("SELECT max(component) m FROM components")["m"].tolist() == [12]
    assert len(store.components()) == 12 + 11 + 10
    assert store.query("FROM networks").empty
    assert (len(store.networks()), len(store.searches())) == (0, 0)
