"""A gene's page and figures from a real run on a small simulated release: whole, escaped, asking no host."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import run
from cluster.cli.explain import explain_in_words, file_name, write_page
from cluster.figures.gene.registry import PANELS
from cluster.pages.gene import draw_all, gene_page_html
from cluster.results.explain import GeneExplanation, explain_gene
from cluster.store.reader import StoreReader
from tasks.analyses.answer.wording import sentences
from tasks.analyses.explanation.fits import CHOSEN, TEST
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError
from tests.cluster.figures.layout import problems_of

pytestmark = pytest.mark.long

EVIL = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def renamed(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The small Dataset with a lineage, a modifier and nothing else called like a script."""
    old = Dataset.open(small_dataset)
    lineages = [EVIL if name == old.lineages[0] else name for name in old.lineages]
    path = tmp_path_factory.mktemp("renamed") / "dataset"
    names = [f"{EVIL}{name}" if at < 40 else name for at, name in enumerate(old.genes)]
    write_dataset(
        path,
        expression=old.expression,
        effect=old.effect,
        cell_lines=old.cell_lines,
        genes=names,
        targets=old.targets,
        lineages=lineages,
        gene_entrez=old.gene_entrez,
        target_entrez=old.target_entrez,
    )
    return path, old.targets[0]


@pytest.fixture(scope="module")
def store(renamed: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained") / "store"
    sd = np.nanstd(Dataset.open(renamed[0]).effect, axis=0)
    targets = [Dataset.open(renamed[0]).targets[at] for at in np.argsort(-sd)[:6]]
    run(renamed[0], path, methods="modifiers", targets=targets, folds=3, workers=0)
    return path


@pytest.fixture(scope="module")
def made(store: Path) -> GeneExplanation:
    """The target with most modifiers."""
    from cluster import Store

    return explain_gene(StoreReader.open(store), Store(store).modifiers()["target"].mode().iloc[0])


class Parsed(HTMLParser):
    """Tags, their attributes, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_chosen_models_fitted_again_predict_what_the_store_has(made: GeneExplanation) -> None:
    fits = made.explanation.fits
    again = fits[(fits["model"] == CHOSEN) & (fits["part"] == TEST)].set_index("cell_line")["predicted"]
    stored = made.predictions.set_index("cell_line")["predicted"]
    np.testing.assert_array_equal(again[stored.index], stored)


def test_every_panel_is_drawn_and_no_text_is_cut_or_covered(made: GeneExplanation) -> None:
    drawn = draw_all(made)
    assert [name for name, one in drawn.items() if one is None] == []
    found = {name: problems_of(one.figure) for name, one in drawn.items() if one}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_the_page_is_whole_and_runs_and_loads_nothing(made: GeneExplanation, store: Path) -> None:
    page = gene_page_html(made, draw_all(made), str(store), "0")
    parsed = Parsed()
    parsed.feed(page.decode())
    names = [tag for tag, _ in parsed.tags]
    assert "script" not in names
    assert names.count("figure") == len(PANELS)
    for tag, given in parsed.tags:
        for name, value in given.items():
            if name.endswith(("href", "src")):
                assert str(value).startswith(("#", "data:")), (tag, value)
            assert not name.startswith("on")
    assert re.search(r"url\((?!#)", page.decode()) is None
    assert any(EVIL in word for word in parsed.words)  # a name is there, as text
    assert sentences(made.page.verdict)[0] in parsed.words
    ids = [given["id"] for _, given in parsed.tags if given.get("id")]
    assert len([name for name in ids if ids.count(name) > 1 and "axes" in str(name)]) == 0


def test_equal_explanations_give_equal_pages(made: GeneExplanation) -> None:
    some = {name: PANELS[name].draw(made) for name in ("gain", "venn", "tree")}
    assert gene_page_html(made, some, "s", "0") == gene_page_html(made, some, "s", "0")


def test_files_are_named_safely_and_numbers_lie_beside(made: GeneExplanation, tmp_path: Path) -> None:
    paths = write_page(made, "store", tmp_path / "deep")
    assert paths[0].name == f"{made.target}.html"
    assert {p.suffix for p in paths[1:]} == {".csv"}
    gain = pd.read_csv(tmp_path / "deep" / f"{made.target}.gain.csv")
    assert gain["pearson"].notna().all()
    assert file_name("../<b>/x") == "____b__x"


def test_without_its_dataset_the_rest_is_given_and_said(
    store: Path, renamed: tuple[Path, str], made: GeneExplanation, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.move(renamed[0], moved)
    try:
        text = explain_in_words(str(store), made.target)
        assert "--dataset says where it is now" in text
        assert "a tree of depth 4" not in text
        bare = explain_gene(StoreReader.open(store), made.target)
        page = gene_page_html(bare, draw_all(bare), "s", "0")
        assert b"A tree: needs modifiers and the Dataset" in page
        whole = explain_in_words(str(store), made.target, dataset=str(moved))
        assert "a tree of depth 4" in whole
        with pytest.raises(BadInputError, match="not a"):
            explain_in_words(str(store), made.target, dataset=str(tmp_path / "nothing"))
    finally:
        shutil.move(moved, renamed[0])


def test_of_an_effect_that_is_the_same_everywhere_nothing_empty_is_shown(
    small_dataset: Path, tmp_path: Path
) -> None:
    old = Dataset.open(small_dataset)
    effect = np.array(old.effect[:, :2])
    effect[:, 0] = 1.0
    facts = {name: getattr(old, name) for name in ("expression", "cell_lines", "genes", "lineages")}
    write_dataset(tmp_path / "data", effect=effect, targets=old.targets[:2], **facts)
    run(tmp_path / "data", tmp_path / "store", methods=["modifiers", "best"], folds=3, workers=0)
    made = explain_gene(StoreReader.open(tmp_path / "store"), old.targets[0])
    drawn = draw_all(made)
    parsed = Parsed()
    parsed.feed(gene_page_html(made, drawn, "s", "0").decode())
    assert drawn["measured_predicted"] is None
    assert "cannot be modelled" in " ".join(parsed.words)
    cards = parsed.words.index("cell lines")
    assert not any("r, method" in word or word == "gain over baselines" for word in parsed.words[:cards])
    assert "figure" not in [tag for tag, _ in parsed.tags]


def test_an_unknown_gene_names_close_ones(store: Path) -> None:
    with pytest.raises(BadInputError, match="not a target of this store"):
        explain_in_words(str(store), "NOSUCH")
