"""A gene's answer within the page as it is sent: it can be read while the browser still loads the app.

It stands before the app, which stays hidden until its own page has arrived (`arrived` in assets/app.js).
"""

from html import escape

from cluster.errors import StorageError
from cluster.explorer.data import StoreData
from cluster.explorer.state import arguments, gene_in
from cluster.explorer.web.frame import NAVIGATION
from tasks.analyses.answer.wording import sentences
from tasks.errors import BadInputError


def early_answer(data: StoreData, path: str, search: str) -> str:
    """HTML of the gene that an address names; empty for other pages, and while its answer is not known."""
    target = data.resolve(gene_in(path) or "")
    if target is None or not data.knows_q:
        return ""
    asked = arguments(search).get("method")
    methods = {unit.method for unit in data.reader.wanted_of(target)}
    try:
        verdict = data.page(target, asked if asked in methods else None).verdict
    except (BadInputError, StorageError, OSError):
        return ""  # the app's own page says what is wrong
    said = "".join(f"<p>{escape(text)}</p>" for text in sentences(verdict))
    links = "".join(f'<a href="{path}">{name}</a>' for path, name in NAVIGATION)
    brand = f'<a class="brand" href="/"><span>Knockcast</span><small>{escape(data.name)}</small></a>'
    return (
        f'<div id="early"><header class="top">{brand}<nav aria-label="Pages">{links}</nav></header>'
        f'<main><article><h1>{escape(target)}</h1><div class="verdict">{said}</div>'
        '<p class="quiet">Figures and tables follow …</p></article></main></div>'
    )
