"""Figures of all targets: their numbers against loops, every print of them readable, in every format."""

from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pytest

from cluster.cli.output import figures, write_figures
from cluster.figures import overview, selection
from cluster.figures.lineages import held_out, lineage_errors
from cluster.figures.page import Drawn, laid_out
from cluster.figures.printing.draw import image
from cluster.figures.registry import FIGURES
from cluster.figures.tissues import tissues
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError
from tests.cluster.figures.layout import problems_of
from tests.made_stores import made_store

EVIL = "<b>&\\$_{x}$</b>"
MODELS = ("ols", "ridge", "tree")


def genes(targets: int = 60) -> pd.DataFrame:
    """Two methods; some targets without an r, without a known baseline, or of odd names."""
    rng = np.random.default_rng(1)
    rows = []
    for method in ("best", "modifiers"):
        for at in range(targets):
            r, lineage, own = rng.uniform(-0.1, 0.9), rng.uniform(-0.2, 0.6), rng.uniform(-0.2, 0.6)
            row = {"method": method, "target": f"GENE{at}" if at else EVIL, "pearson_pooled": r, "pearson": r}
            row |= {"pearson_lineage": lineage, "pearson_own": None if at % 5 == 0 else own, "sd": 0.3}
            row |= {
                "gain": r - max(0, lineage, -1 if at % 5 == 0 else own),
                "q_value": 0.01 if r > 0.2 else 0.5,
            }
            row |= {"pearson_permuted": r / 2, "model": "best" if method == "best" else MODELS[at % 3]}
            row |= {"stability": None if at % 7 == 0 else rng.uniform(0, 1)}
            rows.append(row | ({"pearson_pooled": None, "gain": None} if at == 9 else {}))
    frame = pd.DataFrame(rows)
    return frame.astype({"pearson_own": float, "pearson_pooled": float, "gain": float, "stability": float})


def lineages() -> pd.DataFrame:
    rows = [
        {
            "method": "modifiers",
            "lineage": name,
            "n_lines": 40 + at,
            "rmse": 0.3 + at / 50,
            "rmse_random": 0.28,
        }
        | {"difference": 0.02 + at / 50, "beyond_mean": 0.01, "beyond_mean_t_p": 1e-5}
        for at, name in enumerate(["Lung", "Esophagus/Stomach", EVIL, "all lineages"])
    ]
    return pd.DataFrame(rows)


def lineage_scores() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    names = [None, "Lung", "Peripheral Nervous System", "Esophagus/Stomach", "Bowel", EVIL]
    rows = [
        {"method": m, "target": f"T{t}", "lineage": name, "rmse": rng.gamma(2, 0.1) + (m == "worse")}
        for m in ("modifiers", "worse")
        for t in range(30)
        for name in names
    ]
    return pd.DataFrame(rows)


def enrichment() -> pd.DataFrame:
    rows = [
        {"of": "all modifiers", "collection": c, "gene_set": f"{c} {'long name of a set ' * 4}{at}"}
        | {"p_value": 10.0 ** -(9 - at), "q_value": 10.0 ** -(8 - at), "overlap": 9 - at, "size": 30}
        for c in ("KEGG", EVIL)
        for at in range(8)
    ]
    return pd.DataFrame([*rows, {**rows[0], "of": "modifiers", "p_value": 1e-50}])


def groups() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    names = ["UVM", "DLBC", "ACC", "Uterine carcinosarcoma", EVIL]
    rows = [
        {"target": f"GENE{t}", "group": g, "against": against, "difference": d, "effect_size": 2 * d}
        | {"q_value": 0.001, "stronger": d > 0, "pearson_pooled": 0.5, "margin": d}
        for against in ("others", "normal")
        for t in range(60)
        for g, d in zip(names, rng.normal(size=len(names)), strict=True)
    ]
    return pd.DataFrame(rows)


def modifiers() -> pa.Table:
    rng = np.random.default_rng(3)
    flags = {
        name: rng.random(400) < share for name, share in zip(selection.FLAGS, (0.6, 0.5, 0.4), strict=True)
    }
    return pa.table({"method": ["modifiers"] * 400, **flags})


def scores() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = [
        {
            "method": "modifiers",
            "target": f"GENE{t}",
            "fold": f,
            "n_modifiers": int(rng.integers(0, 40)) * (t > 3),
        }
        for t in range(60)
        for f in range(3)
    ]
    return pd.DataFrame(rows)


def drawn() -> dict[str, Drawn | None]:
    return {
        "gain": overview.gain(genes()),
        "model_types": overview.model_types(genes()),
        "controls": overview.controls(genes()),
        "tests": selection.tests(modifiers(), 2),
        "modifiers": selection.numbers_of_modifiers(scores(), genes()),
        "pathways": selection.pathways(enrichment()),
        "lineages": held_out(lineages()),
        "lineage_errors": lineage_errors(lineage_scores()),
        "tissues": tissues(groups()),
    }


@pytest.mark.parametrize("name", drawn())
def test_no_text_is_cut_or_covered(name: str) -> None:
    made = drawn()[name]
    assert made is not None
    assert problems_of(made.figure) == []


def test_each_target_of_the_heat_map_is_named_on_a_page_too() -> None:
    layout = tissues(groups()).figure.layout
    rows = max(len(heat.y) for heat in tissues(groups()).figure.data)
    assert layout.yaxis.dtick == 1  # plotly's own choice names every second
    assert layout.height >= 18 * rows + 110  # the margin above; a name is 12 to 13 pixels high


def test_the_check_sees_texts_that_are_cut_or_covered() -> None:
    figure = go.Figure(
        go.Scatter(x=[0, 0.001, 1], y=[0, 0, 1], mode="text", text=["FIRST", "SECOND", "x" * 90])
    )
    found = problems_of(laid_out(figure, "t", "n", "x", "y"))
    assert any("overlap: 'FIRST' and 'SECOND'" in line for line in found)
    assert any(line.startswith("cut off: 'xxx") for line in found)


def test_gain_is_the_distance_to_the_better_baseline_of_the_best_method() -> None:
    table = overview.gain(genes()).numbers
    means = genes().assign(r=genes()["pearson_pooled"].fillna(0)).groupby("method")["r"].mean()
    assert set(table["method"]) == {means.idxmax()}
    assert len(table) == 59
    assert table["gain"].is_monotonic_decreasing
    np.testing.assert_allclose(table["pearson_pooled"] - table["baseline"], table["gain"], atol=1e-12)


def test_curves_and_histograms_count_every_target_once() -> None:
    table = overview.controls(genes()).numbers
    assert table.groupby(["method", "labels"])["targets"].sum().tolist() == [59, 60, 59, 60]
    known = genes().dropna(subset="pearson_pooled")
    for method, rows in table[table["labels"] == "measured"].groupby("method"):
        r = known.loc[known["method"] == method, "pearson_pooled"]
        for low, n in zip(rows["low"], rows["targets"], strict=True):
            assert n == sum(low - 1e-9 <= value < low + 0.02 - 1e-9 for value in r)
    types = overview.model_types(genes())
    assert set(types.numbers["method"]) == {"modifiers"}  # best has one model: nothing is chosen
    counted = sum(int(np.sum(bar.y)) for bar in types.figure.data)
    assert counted == len(types.numbers) == 59


def test_the_venn_diagram_adds_up() -> None:
    made, rows = selection.tests(modifiers(), 2), modifiers().to_pandas()
    assert made.numbers["pairs"].sum() == rows[list(selection.FLAGS)].any(axis=1).sum()
    both = rows["by_pearson"] & rows["by_spearman"] & rows["by_chi2"]
    texts = [note.text for note in made.figure.layout.annotations]
    assert str(round(both.sum() / 2)) in texts


def test_pathways_are_the_five_best_of_each_collection_of_all_modifiers_together() -> None:
    table = selection.pathways(enrichment()).numbers
    assert table.groupby("collection").size().tolist() == [5, 5]
    assert table["minus_log10_p"].max() == pytest.approx(9)


def test_what_lacks_data_is_not_drawn() -> None:
    none = genes().assign(pearson_pooled=np.nan, pearson_permuted=np.nan, model=None)
    assert overview.gain(none) is None
    assert overview.controls(none) is None
    assert overview.model_types(none) is None
    assert selection.tests(modifiers().slice(0, 0), 0) is None
    assert selection.numbers_of_modifiers(scores().assign(n_modifiers=0), genes()) is None
    assert selection.pathways(enrichment().head(0)) is None
    assert held_out(lineages().head(0)) is None
    assert lineage_errors(lineage_scores().head(0)) is None


def test_every_format_is_written_and_the_same_each_time(tmp_path: Path) -> None:
    made_store(tmp_path / "s")
    words = write_figures(str(tmp_path / "s"), "histogram", tmp_path / "f", "svg, png,pdf,html")
    assert [Path(line).suffix for line in words.splitlines()] == [".html", ".svg", ".png", ".pdf", ".csv"]
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "html": b"<!doctype"}
    figure = FIGURES["histogram"].draw(StoreReader.open(tmp_path / "s")).figure
    for kind, start in begins.items():
        data = (tmp_path / "f" / f"histogram.{kind}").read_bytes()
        assert data.startswith(start)
        if kind != "html":
            assert data == image(figure, kind)
    svg = (tmp_path / "f" / "histogram.svg").read_text()
    assert "mean r over folds" in svg  # text stays text
    with pytest.raises(BadInputError, match="--format gif: unknown; known are html, svg, png, pdf"):
        write_figures(str(tmp_path / "s"), "histogram", tmp_path / "g", "svg,gif")
    with pytest.raises(BadInputError, match="--format: none is named"):
        write_figures(str(tmp_path / "s"), "histogram", tmp_path / "g", ",")
    assert not (tmp_path / "g").exists()


def test_the_help_names_every_figure() -> None:
    assert figures.__annotations__["name"].__metadata__[0].help.startswith(" | ".join(FIGURES))
