"""The report of a run: one page of HTML with all that a reader needs to judge it."""

from typing import Any

from cluster.figures.page import Drawn
from cluster.figures.printing.draw import image
from cluster.pages.parts import Section, facts, notes, number, page, paragraph, svg, table, text
from cluster.results.compare import headlines
from cluster.results.report import BARS, Report
from cluster.text import counted, measure_in_words

# Of `cluster.figures.registry.FIGURES`, by the part of the report that shows them.
SHOWN = {
    "distributions": ("histogram", "classes", "gain"),
    "models": ("model_types", "modifiers", "tests", "pathways"),
    "methods": ("methods", "one_many"),
    "controls": ("controls",),
    "lineages": ("lineages", "lineage_errors"),
    "vectors": ("profiles", "drugs", "components"),
}
HEADINGS = {
    "distributions": "How well targets are predicted",
    "models": "Models and modifiers",
    "methods": "Methods compared",
    "controls": "Controls",
    "lineages": "Lineages never seen",
    "vectors": "Profiles and drugs",
}
FAILED = 20  # failures that are listed
LIMITS = (
    "Intervals and p take cell lines as independent. Lines of one lineage are not: somewhat too sure.",
    "Modifiers predict. That one causes a dependency is not shown.",
    "r over all lines rewards telling lineages apart. The gain over lineage alone, and r shuffled within "
    "lineages, say how much is left.",
    "Folds are over cell lines of one data set. On other screens, other labs and tumours expect less: "
    "`knockcast validate` measures it where you have such data.",
)


def report_html(made: Report, drawn: dict[str, Drawn | None], store: str, version: str) -> bytes:
    """The page; `drawn` are the figures of the store by name, None for one it cannot give."""
    sections = [Section("best", "Best targets beyond baselines", _best(made))] if len(made.best) else []
    words = {
        "distributions": paragraph(
            "r is between measured and predicted values on cell lines the model did not see, mean over folds."
            " A target without an r in any fold counts as 0 in this table; figures leave it out."
        )
        + table(made.headlines),
        "models": table(made.models) if len(made.models) else "",
        "methods": _compared(made),
        "controls": _controls(made),
    }
    for name, shown in SHOWN.items():
        figures = [_figure(kind, one) for kind in shown if (one := drawn.get(kind)) is not None]
        body = words.get(name, "") + "".join(figures)
        if body:
            sections.append(Section(name, HEADINGS[name], body))
    sections.append(Section("failures", "Failures and gaps", _failures(made)))
    sections.append(Section("run", "The run", _run(made)))
    sections.append(Section("limits", "Limits", notes(LIMITS)))
    foot = f"Knockcast {text(version)} · store {text(store)}"
    return page(f"Knockcast report: {store}", _top(made, store), sections, foot)


def _top(made: Report, store: str) -> str:
    measure = str(made.run.get("measure", ""))
    head = "<h1>Knockcast report</h1>" + paragraph(f"{store}: {_scheme(made)}.", "soft")
    head += paragraph(measure_in_words(measure), "soft") if measure else ""
    head += paragraph(made.unfinished, "lead") if made.unfinished else ""
    if made.headlines.empty:
        return head + paragraph("Nothing is scored yet.")
    best = made.headlines.iloc[0]
    pairs = [
        ("best method", made.best_method, f"mean r {number(best['mean r'])}"),
        ("targets", number(int(best["targets"])), counted(int(made.run.get("cell_lines", 0)), "cell line")),
        (
            f"r above {BARS[0]}",
            number(int(best[f"r > {BARS[0]}"])),
            f"above {BARS[1]}: {best[f'r > {BARS[1]}']}",
        ),
        ("significant", number(int(best["q < 0.05"])), "q < 0.05 over all targets"),
        ("better than baselines", number(int(best["gain > 0"])), f"by more than 0.1: {best['gain > 0.1']}"),
    ]
    return head + facts(pairs)


def _scheme(made: Report) -> str:
    names = {"kfold": "random folds", "split": "one random split", "lineage": "held-out lineages"}
    scheme = str(made.run.get("scheme", ""))
    folds = sum(fold.get("n_test", 0) > 0 for fold in made.run.get("folds", ()))
    return f"{counted(folds, 'fold')} ({names.get(scheme, scheme)})" if folds else names.get(scheme, scheme)


def _best(made: Report) -> str:
    names = {
        "pearson_pooled": "r", "pearson_low": "low", "pearson_high": "high", "q_value": "q",
        "pearson_lineage": "lineage alone", "pearson_own": "own expression",
    }  # fmt: skip
    words = (
        f"Method {made.best_method}. gain: r less the better of what the lineage alone and the gene's own "
        "expression alone give. `knockcast explain` says what carries a target."
    )
    return paragraph(words) + table(made.best.rename(columns=names))


def _compared(made: Report) -> str:
    if not made.compared:
        return ""
    blocks = [f"<pre>{text(chr(10).join(headlines(one)))}</pre>" for one in made.compared]
    return paragraph("On the same folds, target by target.") + "".join(blocks)


def _controls(made: Report) -> str:
    words = (
        "Means over targets. Shuffled within lineages: the r to expect where nothing but lineage is known."
    )
    out = paragraph(words) + table(made.controls) if len(made.controls) else ""
    if len(made.ranking):
        words = (
            "Are a line's strongest dependencies those predicted for it? NDCG@10, and the share of its ten "
            "strongest that are found, mean over lines; every value less its target's mean."
        )
        out += paragraph(words) + table(made.ranking)
    return out


def _failures(made: Report) -> str:
    parts = [table(made.statuses, "Fits by how they ended")] if len(made.statuses) else []
    if len(made.failures):
        rows = made.failures[["method", "target", "fold", "error", "attempts"]].head(FAILED)
        more = len(made.failures) - len(rows)
        parts += [
            table(rows, "What failed"),
            *([paragraph(f"and {more} more: table failures")] if more else []),
        ]
    else:
        parts.append(paragraph("No target failed."))
    if made.missing:
        parts.append(
            paragraph(f"{counted(made.missing, 'unit')} wanted and not done yet: `knockcast resume`.")
        )
    return "".join(parts)


def _run(made: Report) -> str:
    run = made.run
    lines: list[tuple[str, Any]] = [
        ("cell lines", run.get("cell_lines")),
        ("genes of the expression", run.get("genes")),
        ("measure", run.get("measure")),
        ("scheme", _scheme(made)),
        ("seed", run.get("seed")),
        ("preset", run.get("preset")),
        ("settings", ", ".join(f"{name} {value}" for name, value in run.get("settings", {}).items())),
        ("device", run.get("device")),
        ("dataset", run.get("dataset_hash")),
        ("libraries", ", ".join(f"{name} {value}" for name, value in run.get("libraries", {}).items())),
    ]
    rows = "".join(
        f'<tr><th scope="row">{text(n)}</th><td>{text(v)}</td></tr>' for n, v in lines if v is not None
    )
    return f'<div class="wrap" tabindex="0"><table class="run"><tbody>{rows}</tbody></table></div>' + (
        table(made.work, "Work done") if len(made.work) else ""
    )


def _figure(name: str, drawn: Drawn) -> str:
    return svg(image(drawn.figure, "svg"), name, str(drawn.figure.layout.title.text or name))
