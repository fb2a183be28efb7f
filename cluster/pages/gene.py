"""The page of one gene: what is predicted, by what, where, and how far to trust it."""

import pandas as pd

from cluster.answers.text import lineage_cells
from cluster.figures.gene.registry import PANELS, GenePanel
from cluster.figures.page import Drawn
from cluster.figures.printing.draw import image
from cluster.pages.parts import Section, facts, notes, number, page, paragraph, svg, table, text
from cluster.results.explain import GeneExplanation
from cluster.text import measure_in_words
from tasks.analyses.answer.verdict import Verdict
from tasks.analyses.answer.wording import sentences

SHOWN = 20  # modifiers of the table
WORDS = {
    "measured_predicted": "Grey dots are lines as a model that saw them predicts them, blue dots as one that "
    "did not. Far apart, they say that the model remembers its training lines.",
    "gain": "A model is worth its name where it beats what the lineage or the gene's own expression says.",
    "modifiers": "Each dot is a cell line.",
    "weights": "A model of few lines is noise; so each lineage starts from the weights of all and moves as "
    "far as its own lines ask for.",
    "tree": "One way to read the modifiers as rules. Trees are unstable: other lines give another tree.",
    "boosted": "SHAP values share a line's prediction out among the modifiers. They explain the model, not "
    "the cell.",
    "collinear": "Modifiers in one group stand for the same programme; do not read a cause into which one is "
    "named.",
}


def gene_page_html(made: GeneExplanation, drawn: dict[str, Drawn | None], store: str, version: str) -> bytes:
    """The page; `drawn` are the figures of `PANELS` by name, None for one that cannot be drawn."""
    sections = [Section("evidence", "Evidence", _evidence(made))]
    sections += [
        Section(name, PANELS[name].heading, _figure(made, name, PANELS[name], figure))
        for name, figure in drawn.items()
        if figure is not None
    ]
    if lineages := _lineages(made.page.verdict):
        sections.insert(1, Section("lineages", "Within lineages", lineages))
    if len(table_of := modifiers_table(made)):
        sections.insert(1, Section("table", "Its modifiers", _modifiers(table_of)))
    sections.append(Section("limits", "What is missing, and limits", notes(_limits(made, drawn))))
    foot = f"Knockcast {text(version)} · store {text(store)} · dataset {text(_hash(made))}"
    return page(f"{made.target} · Knockcast", _top(made), sections, foot)


def draw_all(made: GeneExplanation) -> dict[str, Drawn | None]:
    """Every figure of a gene, in the order of the page."""
    return {name: panel.draw(made) for name, panel in PANELS.items()}


def modifiers_table(made: GeneExplanation) -> pd.DataFrame:
    """modifier, folds, sign, r, ρ, group, gain, SHAP: the modifiers, most often chosen first."""
    rows = made.page.modifiers
    rows = rows[rows["method"] == made.modifiers_of].head(SHOWN)
    out = rows[["modifier", "folds", "sign", "pearson", "spearman"]].reset_index(drop=True)
    explained = made.explanation
    if len(explained.collinear):
        out["group"] = out["modifier"].map(explained.collinear.set_index("gene")["group"]).astype("Int64")
    if explained.boosted is not None:
        importance = explained.boosted.importance.set_index("gene")
        out["gain share"] = out["modifier"].map(importance["gain"])
        out["mean |SHAP|"] = out["modifier"].map(importance["shap"])
    return out.rename(columns={"pearson": "r", "spearman": "ρ"})


def _top(made: GeneExplanation) -> str:
    summary = made.page.summary.sort_values("pearson_pooled", ascending=False)
    head = f"<h1>{text(made.target)}</h1>" + paragraph(measure_in_words(made.explanation.measure), "soft")
    head += "".join(paragraph(sentence, "lead") for sentence in sentences(made.page.verdict))
    if summary.empty:
        return head
    best = summary.iloc[0]
    pairs = [
        *_predicted(best),
        ("cell lines", number(best["n"]), f"{number(best['folds'])} folds"),
        ("mean effect", number(best["mean"]), f"sd {number(best['sd'])}, {best['class']}"),
    ]
    stable = summary["stability"].dropna()
    if len(stable):
        pairs.append(("stability of modifiers", number(float(stable.max())), "1: the same in every fold"))
    return head + facts(pairs)


def _predicted(best: "pd.Series") -> list[tuple[str, str, str]]:
    """r and gain; nothing for a target without an r, such as one that is the same in every line."""
    if pd.isna(best["pearson_pooled"]):
        return []
    low, high = number(best["pearson_low"]), number(best["pearson_high"])
    known = [v for v in (best["pearson_lineage"], best["pearson_own"]) if not pd.isna(v)]
    baseline = number(float(max([0.0, *known])))
    return [
        (f"r, method {best['method']}", number(best["pearson_pooled"]), f"{low} to {high}"),
        ("gain over baselines", number(best["gain"]), f"best baseline {baseline}"),
    ]


def _evidence(made: GeneExplanation) -> str:
    columns = [
        "method",
        "model",
        "n",
        "pearson_pooled",
        "pearson_low",
        "pearson_high",
        "pearson_lineage",
        "pearson_own",
    ]
    columns += ["gain", "pearson_permuted", "rmse", "rmse_mean"]
    names = {
        "pearson_pooled": "r", "pearson_low": "low", "pearson_high": "high", "rmse_mean": "rmse of mean",
        "pearson_lineage": "lineage alone", "pearson_own": "own expression", "pearson_permuted": "shuffled",
    }  # fmt: skip
    ordered = made.page.summary.sort_values("pearson_pooled", ascending=False, kind="stable")
    frame = ordered[columns].rename(columns=names)
    words = "Out of fold: every cell line is predicted by models that did not see it. r is over all lines."
    failed = made.page.failures
    broken = table(failed[["method", "fold", "error"]], "Fits that failed") if len(failed) else ""
    return paragraph(words) + table(frame) + broken


def _modifiers(frame: pd.DataFrame) -> str:
    words = (
        "Genes whose expression goes with the effect, chosen inside the training lines of each fold. "
        "r and ρ are means over the folds; one group: genes that say nearly the same."
    )
    return paragraph(words) + table(frame)


def _lineages(verdict: Verdict) -> str:
    """r, errors and mean within each lineage, as `knockcast gene` has them; nothing for none."""
    head, rows = lineage_cells(verdict.evidence.lineages, verdict)
    if not rows:
        return ""
    words = "How well the effect is predicted among the lines of one lineage, which lineage alone cannot do."
    return paragraph(words) + table(pd.DataFrame(rows, columns=pd.Index(head)))


def _figure(made: GeneExplanation, name: str, panel: GenePanel, figure: Drawn) -> str:
    drawn = svg(image(figure.figure, "svg"), name, f"{panel.heading} of {made.target}")
    words = paragraph(WORDS[name], "soft") if name in WORDS else ""
    return words + drawn


def _limits(made: GeneExplanation, drawn: dict[str, Drawn | None]) -> list[str]:
    lines = [
        f"{PANELS[name].heading}: needs {PANELS[name].requires}" for name, one in drawn.items() if one is None
    ]
    lines += list(made.notes)
    lines += [
        f"no result: {unit.method}, fold {unit.fold}: {'; '.join(map(str, errors)) or 'not done yet'}"
        for unit, errors in made.page.missing.items()
    ]
    return [
        *lines,
        "A modifier predicts; that it causes the dependency is not shown by any figure here.",
        "Intervals take cell lines as independent; lines of one lineage are not: somewhat too narrow.",
    ]


def _hash(made: GeneExplanation) -> str:
    return made.dataset_hash[:12] or "unknown"
