"""What `knockcast enrich` found: paralogs and gene sets among the modifiers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import html

from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import (
    Page,
    Shown,
    answer,
    gene_link,
    nothing,
    number,
    section,
    small_table,
    tiny,
)
from tasks.tables.schemas import TABLES

LISTED = 25
NAMES = {
    "all modifiers": "all modifiers together",
    "modifiers": "the modifiers of one target",
    "targets": "the listed targets",
}


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """Counts for each collection, then the gene sets with the smallest q; arguments are not read."""
    del given
    counts, found = (table(data, name) for name in ("enrichment_counts", "enrichment"))
    if found.empty and counts.empty:
        return nothing(
            "No enrichment yet",
            "The command enrich looks for paralogs and pathways among modifiers; this store has no result:",
            html.Code(f"knockcast enrich {data.path} --gene-sets FILE.gmt --paralogs FILE"),
        )
    content = [html.H1("Enrichment"), answer(*_sentences(counts))]
    if len(counts):
        content.append(
            section("In how many targets", _plain(counts, "Targets with a paralog or an enriched gene set"))
        )
    for (kind, collection), part in found.groupby(["of", "collection"], sort=True):
        best = part.sort_values(["q_value", "p_value"], kind="stable").head(LISTED)
        title = f"{collection}: {NAMES.get(str(kind), kind)}"
        content.append(section(title, small_table(best, _COLUMNS, title)))
    return Page("Enrichment", html.Article(content))


def _sentences(counts: pd.DataFrame) -> list[str]:
    """A sentence for each file of paralogs or gene sets."""
    return [
        f"{row.collection}: of {number(row.tested, 0)} targets, {number(row.found, 0)} have "
        f"{'a paralog' if row.kind == 'paralogs' else 'an enriched gene set'} among the genes that "
        f"{row.method} chose; {number(row.expected, 1)} would by chance{_p(row.p_value)}."
        for row in counts.itertuples()
    ]


def _p(value: Any) -> str:
    return "" if pd.isna(value) else f" (p {tiny(value)})"


def table(data: StoreData, name: str) -> pd.DataFrame:
    """A table of the store; empty where this release, or the store, has none."""
    return data.table(name) if name in TABLES else pd.DataFrame()


_COLUMNS = (
    Shown("Gene set", lambda row: row.gene_set, is_number=False),
    Shown("Target", lambda row: gene_link(row.target) if row.target else "–", is_number=False),
    Shown("Overlap", lambda row: f"{row.overlap} of {row.drawn}"),
    Shown("Expected", lambda row: number(row.expected, 1), "mean overlap of random lists of that size"),
    Shown("q", lambda row: tiny(row.q_value)),
    Shown("Genes", lambda row: row.genes or "", is_number=False),
)


def _plain(frame: pd.DataFrame, caption: str) -> Any:
    """A frame as it is, without the columns that name the result and those without a value."""
    kept = frame.drop(columns=["analysis"], errors="ignore").dropna(axis=1, how="all")
    columns = [
        Shown(
            name.replace("_", " "),
            lambda row, at=at: _cell(row[at + 1]),  # type: ignore[misc]
            is_number=pd.api.types.is_numeric_dtype(kept[name]),
        )
        for at, name in enumerate(kept.columns)
    ]
    return small_table(kept, columns, caption)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return number(value, 3)
    return number(value, 0) if isinstance(value, int) else str(value)
