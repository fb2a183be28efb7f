"""The address of a page says all that it shows: what is in its query string, read with care."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

MOST_TEXT = 20_000  # characters of a query string that are read


@dataclass(frozen=True)
class TableState:
    """What a table shows: `sort` as (column, "asc" or "desc"), AG Grid's filters by column, text to find.

    `columns` are the visible ones in their order; empty: as the page has them.
    """

    sort: tuple[tuple[str, str], ...] = ()
    filters: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    find: str = ""


def arguments(search: str) -> dict[str, str]:
    """The arguments in a query string; of several with one name, the first."""
    return {name: values[0] for name, values in parse_qs(search.removeprefix("?")[:MOST_TEXT]).items()}


def table_state(given: Mapping[str, str], known: Collection[str]) -> TableState:
    """What the arguments say of a table with these columns; what makes no sense is left out."""
    sort = [part.partition(":")[::2] for part in given.get("sort", "").split(",")]
    return TableState(
        sort=tuple((c, "desc" if way == "desc" else "asc") for c, way in sort if c in known),
        filters=_filters(given.get("filter", ""), known),
        columns=tuple(dict.fromkeys(c for c in given.get("columns", "").split(",") if c in known)),
        find=given.get("find", ""),
    )


def _filters(text: str, known: Collection[str]) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: rule for name, rule in found.items() if name in known and isinstance(rule, dict)}


def address(path: str, **given: str | None) -> str:
    """A path with arguments; those that are None or empty are left out."""
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path


def gene_path(target: str, **given: str | None) -> str:
    """The address of a gene's page."""
    return address(f"/gene/{quote(target, safe='')}", **given)


def gene_in(path: str) -> str | None:
    """The name in a gene page's path; None for another path."""
    return _after("/gene/", path)


def sample_in(path: str) -> str | None:
    """The name in a sample page's path; None for another path."""
    return _after("/sample/", path)


def _after(prefix: str, path: str) -> str | None:
    return unquote(path.removeprefix(prefix)) if path.startswith(prefix) and path != prefix else None
