"""What a gene's predictions rest on: modifiers, genes followed, folds, failures, and what is not known."""

from typing import Any

import pandas as pd
from dash import html

from cluster.answers.gather import direction_of
from cluster.answers.gene import GenePage
from cluster.answers.relating import stored_relations
from cluster.answers.text import MODIFIERS_TITLE, NO_RELATIONS, modifiers_title
from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import Shown, file_links, gene_link, number, section, small_table
from cluster.store.units import FINAL_FOLD
from cluster.views.folds import control_folds

LISTED = 20  # modifiers


def evidence(data: StoreData, found: GenePage, method: str) -> list[Any]:
    """The sections below the predictions, of one method."""
    return [
        *_modifiers(data, found, method),
        *_folds(data, found, method),
        *_failures(found),
        *_notes(found),
    ]


def codependents(data: StoreData, target: str) -> list[Any]:
    """The targets whose measured effects go with one's, over all cell lines."""
    others, notes = data.codependents(target)
    if not others:
        return [html.P(note, className="quiet") for note in notes]
    columns = (
        Shown("Target", lambda row: gene_link(row.target), is_number=False),
        Shown("r", lambda row: number(row.pearson, 2)),
        Shown("Lines", lambda row: number(row.n, 0) if row.n else "–"),
        Shown("Relation", lambda row: _listed(row.relations), is_number=False),
    )
    frame = pd.DataFrame([vars(other) for other in others])
    note = " ".join(["Their measured effects go together over the cell lines.", *notes])
    return [
        section(
            "Co-dependent targets", small_table(frame, columns, f"Targets that go with {target}"), note=note
        )
    ]


_WEIGHT = Shown(
    "Weight",
    lambda row: number(row.weight, 3),
    "what the prediction adds per log2(TPM+1), on top of what all genes predict",
)


def _modifiers(data: StoreData, found: GenePage, method: str) -> list[Any]:
    """Genes that the folds selected; of a method on all genes, those that its predictions follow."""
    selected = found.modifiers[found.modifiers["method"] == method]
    followed = found.followed[found.followed["method"] == method]
    tables = [
        *(_selected(data, found, selected) if len(selected) else []),
        *(_followed(data, found, followed, len(selected) > 0) if len(followed) else []),
    ]
    if tables and not found.verdict.evidence.knows_relations:
        tables.append(html.P(f"{NO_RELATIONS[0].upper()}{NO_RELATIONS[1:]}.", className="quiet"))
    return tables


def _selected(data: StoreData, found: GenePage, rows: pd.DataFrame) -> list[Any]:
    columns = (
        _gene(data, "modifier"),
        _direction(found, "pearson"),
        *([_WEIGHT] if rows["weight"].notna().any() else []),
        Shown("Folds", lambda row: number(row.folds, 0), "folds that chose it"),
        Shown("r", lambda row: number(row.pearson, 2), "of the gene alone: Pearson, mean over those folds"),
        Shown("ρ", lambda row: number(row.spearman, 2), "Spearman, likewise"),
        Shown("χ²", lambda row: number(row.chi2, 1), "of 6 x 2 counts, likewise"),
        Shown(
            "Final",
            lambda row: "yes" if row.final else "no",
            "whether the model on all lines uses it",
            is_number=False,
        ),
        _relation(data, found, "modifier"),
    )
    # Without the index q is not known, so no target counts as predicted: that is no verdict.
    title = modifiers_title(found.verdict) if data.knows_q else MODIFIERS_TITLE
    table = small_table(rows, columns, f"Modifiers of {found.target}", LISTED)
    note = f"{title.removeprefix('Modifiers: ')}; most chosen first."
    return [
        section("Modifiers", table, file_links(found.target, "modifiers"), note=note[0].upper() + note[1:])
    ]


def _followed(data: StoreData, found: GenePage, rows: pd.DataFrame, has_chosen: bool) -> list[Any]:
    columns = (
        _gene(data, "gene"),
        _direction(found, "pearson_measured"),
        Shown("r", lambda row: number(row.pearson_measured, 2), "of its expression with the measured effect"),
        Shown("r given lineage", lambda row: number(row.partial_measured, 2), "the same within lineages"),
        Shown("r with prediction", lambda row: number(row.pearson, 2)),
        _relation(data, found, "gene"),
    )
    how = "beside those it chose" if has_chosen else "and chooses none"
    note = f"The model reads all genes {how}; these are the genes through which it is right."
    table = small_table(rows, columns, f"Genes that predictions of {found.target} follow", LISTED)
    return [section("Genes that the predictions follow", table, note=note)]


def _gene(data: StoreData, name: str) -> Shown:
    return Shown(
        "Gene",
        lambda row: gene_link(getattr(row, name), data.resolve(getattr(row, name)) is not None),
        is_number=False,
    )


def _direction(found: GenePage, r: str) -> Shown:
    measure = found.verdict.evidence.measure

    def cell(row: Any) -> str:
        if getattr(row, "sign", "") == "±":
            return "differs"
        weight = getattr(row, "weight", float("nan"))
        return direction_of(getattr(row, r) if pd.isna(weight) else weight, measure) or "–"

    return Shown(
        "Needed more where it is",
        cell,
        "the expression at which the target is needed more: by its weight where it has one, else by r",
        is_number=False,
    )


def _relation(data: StoreData, found: GenePage, name: str) -> Shown:
    known = stored_relations(data.reader)
    among = [modifier.gene for modifier in found.verdict.evidence.modifiers]
    return Shown(
        "Relation",
        lambda row: _listed(known.between(found.target, getattr(row, name), among)),
        "to the target, as far as results of enrich in the store know",
        is_number=False,
    )


def _listed(relations: Any) -> str:
    return ", ".join(map(str, relations))


def _folds(data: StoreData, found: GenePage, method: str) -> list[Any]:
    aside = control_folds(data.reader.run) | {FINAL_FOLD}
    scores = found.scores
    mine = scores[(scores["method"] == method) & ~scores["fold"].isin(aside)]
    if mine.empty:
        return []
    columns = (
        Shown("Fold", lambda row: number(row.fold, 0)),
        Shown("Model", lambda row: row.model if isinstance(row.model, str) else "–", is_number=False),
        Shown("r", lambda row: number(row.pearson, 2)),
        Shown("ρ", lambda row: number(row.spearman, 2)),
        Shown("RMSE", lambda row: number(row.rmse, 3)),
        Shown("Modifiers", lambda row: number(row.n_modifiers, 0)),
        Shown("Status", lambda row: row.status, is_number=False),
        Shown("Reason", lambda row: row.reason if isinstance(row.reason, str) else "", is_number=False),
    )
    table = small_table(mine, columns, f"Folds of {found.target}")
    return [section("Folds", table, file_links(found.target, "scores"))]


def _failures(found: GenePage) -> list[Any]:
    if found.failures.empty:
        return []
    columns = (
        Shown("Method", lambda row: row.method, is_number=False),
        Shown("Fold", lambda row: number(row.fold, 0)),
        Shown("Error", lambda row: row.error, is_number=False),
    )
    return [section("Failures", small_table(found.failures, columns, f"Failures of {found.target}"))]


def _notes(found: GenePage) -> list[Any]:
    notes = found.verdict.evidence.notes
    return [section("What is not known", html.Ul([html.Li(note) for note in notes]))] if notes else []
