"""The report: its counts against loops, every name escaped, no script and no host."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from cluster import Store
from cluster.cli.report import write_report
from cluster.figures.registry import FIGURES
from cluster.results.report import headlines, report_of
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError
from tests.made_stores import BODY, made_commit, made_store, made_writer, units_of
from tests.promises import Measured

EVIL = "<script>alert(1)</script>"
TARGETS = ("A", "B", "C", EVIL, "none1", "flat1")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reported") / "store"
    writer = made_writer(path, {**BODY, "measure": "effect", "cell_lines": 36, "n_folds": 3})
    for method in ("best", "modifiers"):
        units = units_of(TARGETS, range(3), method)
        writer.add_plan(units)
        for fold in range(3):
            made_commit(writer, [unit for unit in units if unit.fold == fold])
    writer.add_plan(units_of(["LEFT"], [0]))
    return path


@pytest.fixture(scope="module")
def page(path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "report.html"
    words = write_report(str(path), out)
    assert words.splitlines()[0] == str(out)
    assert "left out: profiles: needs scores of method profiles" in words
    return out.read_text(encoding="utf-8")


def test_headlines_are_counts_of_the_table_genes(path: Path) -> None:
    genes = Store(path).genes()
    for row in headlines(genes).to_dict("records"):
        mine = [g for g in genes.to_dict("records") if g["method"] == row["method"]]
        r = [g["pearson"] if g["pearson"] == g["pearson"] else 0 for g in mine]
        assert row["targets"] == len(mine) == len(TARGETS)
        assert row["mean r"] == pytest.approx(sum(r) / len(r))
        assert row["r > 0.2"] == sum(value > 0.2 for value in r)
        assert row["q < 0.05"] == sum(g["q_value"] < 0.05 for g in mine)
        assert row["gain > 0.1"] == sum(g["gain"] > 0.1 for g in mine)


def test_methods_are_compared_and_gaps_counted(path: Path) -> None:
    made = report_of(StoreReader.open(path))
    assert made.missing == 1
    assert made.unfinished.startswith("The run is not finished (36 of 37 units are done)")
    assert len(made.compared) == 1
    assert {made.compared[0].first, made.compared[0].second} == {"best", "modifiers"}
    assert made.statuses.set_index("method").loc["best", "constant_target"] == 3


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_loads_nothing_runs_nothing_and_escapes_every_name(page: str, measured: Measured) -> None:
    tags = Tags()
    tags.feed(page)
    assert "script" not in [tag for tag, _ in tags.found]
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)" in page
    measured(pages_with_names_as_markup=1)
    for _, given in tags.found:
        for name, value in given.items():
            assert not name.endswith(("href", "src")) or str(value).startswith(("#", "data:"))
    assert "1 unit wanted and not done yet" in page
    for heading in ("Best targets beyond baselines", "Controls", "Failures and gaps", "The run", "Limits"):
        assert f">{heading}</h2>" in page


def test_a_run_that_is_not_finished_is_said_to_be_none_first(page: str) -> None:
    assert page.index("The run is not finished") < page.index("best method")


def test_equal_stores_give_equal_pages(path: Path, page: str, tmp_path: Path) -> None:
    write_report(str(path), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_an_empty_store_is_reported_and_a_wrong_ending_refused(tmp_path: Path) -> None:
    made_writer(tmp_path / "s", {**BODY, "measure": "effect"})
    write_report(str(tmp_path / "s"), tmp_path / "r.html")
    assert "Nothing is scored yet." in (tmp_path / "r.html").read_text(encoding="utf-8")
    made_store(tmp_path / "t")
    with pytest.raises(BadInputError, match=r"\.html"):
        write_report(str(tmp_path / "t"), tmp_path / "r.txt")
    assert len(FIGURES) > 10
