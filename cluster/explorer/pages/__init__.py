"""The explorer's pages, one module each: from the store's data and the address to what is shown.

A page knows nothing of the web server; `page_of` picks the page that an address names.
"""

from cluster.explorer.data import StoreData
from cluster.explorer.forecast import Forecast
from cluster.explorer.pages import (
    about,
    enrichment,
    gene,
    genes,
    methods,
    run,
    samples,
    tissues,
    validation,
)
from cluster.explorer.pages.parts import Page, nothing
from cluster.explorer.state import arguments, gene_in, sample_in


def page_of(data: StoreData, path: str, search: str, forecast: Forecast | None = None) -> Page:
    """The page at an address; one that says so where there is none."""
    given = arguments(search)
    if (name := gene_in(path)) is not None:
        return gene.page(data, name, given)
    if (sample := sample_in(path)) is not None:
        return samples.sample_page(data, forecast, sample)
    if path == "/forecast":
        return samples.page(data, forecast, given)
    if path in PAGES:
        return PAGES[path](data, given)
    return nothing("No such page", f"There is nothing at {path}.")


PAGES = {
    "/": genes.page,
    "/methods": methods.page,
    "/enrichment": enrichment.page,
    "/tissues": tissues.page,
    "/validation": validation.page,
    "/run": run.page,
    "/about": about.page,
}
