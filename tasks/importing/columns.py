"""Which columns of a matrix file are ids, which are values, and which only describe the row."""

from collections.abc import Sequence
from dataclasses import dataclass

_IDS = ("modelid", "depmapid", "cellline", "celllineid", "broadid")
_DEFAULT = "isdefaultentryformodel"
_DESCRIPTIONS = frozenset(
    {
        "sequencingid",
        "modelconditionid",
        "isdefaultentryformc",
        "profileid",
        "celllinedisplayname",
        *(f"lineage{level}" for level in range(1, 8)),
    }
)
_DEFAULT_ENTRY = frozenset({"yes", "true", "1"})


def plain(name: str) -> str:
    """A column name without case, blanks and punctuation: DepMap spelled COSMIC_ID, COSMICID, DepMap_ID."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


@dataclass(frozen=True)
class ColumnPlan:
    """Positions of a file's columns by what they hold."""

    identifier: int
    default: int | None
    values: tuple[int, ...]
    set_aside: tuple[str, ...]


def plan_columns(columns: Sequence[str], fallback: int = 0) -> ColumnPlan:
    """Reads a header.

    Releases before 25Q2 put the cell line id first, under an empty name. Since 25Q2 a row number stands
    there, and ModelID, IsDefaultEntryForModel and other descriptions follow in an order that varies.
    `fallback` is the id's position where no column is called as ids are.
    """
    plain_names = [plain(name) for name in columns]
    identifier = next((plain_names.index(name) for name in _IDS if name in plain_names), fallback)
    default = plain_names.index(_DEFAULT) if _DEFAULT in plain_names else None
    skipped = {i for i, name in enumerate(plain_names) if name in _DESCRIPTIONS}
    if identifier != 0 and plain_names and plain_names[0] in ("", "unnamed0", "index", "indexlevel0"):
        skipped.add(0)
    special = skipped | {identifier, default}
    values = tuple(i for i in range(len(columns)) if i not in special)
    return ColumnPlan(identifier, default, values, tuple(columns[i] for i in sorted(skipped) if columns[i]))


def is_default_entry(text: str) -> bool:
    """Whether an IsDefaultEntryForModel cell says yes (Yes since 25Q2, True in some copies)."""
    return text.strip().lower() in _DEFAULT_ENTRY
