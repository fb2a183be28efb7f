"""Which cell line a name means, by the table of cell lines; and whether a matrix has lines as columns."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

_DEPMAP_ID = re.compile(r"ACH-\d{6}")


@dataclass(frozen=True)
class LineNames:
    """The names of the lines of one table, by id: CCLE name, name with and without punctuation, Sanger's id.

    A name (or id) belongs to a line if that line alone has it: as it is written, else without case and
    punctuation, and a CCLE name also without its tissue ("NIHOVCAR3" of NIHOVCAR3_OVARY).
    """

    names: Mapping[str, Sequence[str]]
    _exact: dict[str, str] = field(init=False, repr=False)
    _plain: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_exact", _owned(self.names, lambda name: (name,)))
        with_ids = {line: (line, *some) for line, some in self.names.items()}
        object.__setattr__(self, "_plain", _owned(with_ids, lambda name: (_plain(name), _plain_start(name))))

    def id_of(self, name: str) -> str:
        """The id of the line of this name (or id); "" where no line has it, or several do."""
        if name in self.names:
            return name
        exact = self._exact.get(name)
        return self._plain.get(_plain(name), "") if exact is None else exact

    def knows(self, name: str) -> bool:
        """Whether this is the id or a name of a line, or DepMap's spelling of an id."""
        return bool(self.id_of(name)) or _DEPMAP_ID.fullmatch(name) is not None

    def stands_across(self, rows: Sequence[str], columns: Sequence[str]) -> bool:
        """Whether lines are a matrix's columns: most of these are known lines, and more than of the rows.

        It is not told from a matrix without rows or columns.
        """
        if not rows or not columns:
            return False
        along, across = (sum(map(self.knows, names)) / len(names) for names in (rows, columns))
        return across > 0.5 and across > along


def _owned(names: Mapping[str, Sequence[str]], spelled: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """The id of the one line that has a spelling; "" for one of several lines."""
    owners: dict[str, set[str]] = {}
    for line, some in names.items():
        for spelling in {text for name in some if name for text in spelled(name)} - {""}:
            owners.setdefault(spelling, set()).add(line)
    return {name: next(iter(lines)) if len(lines) == 1 else "" for name, lines in owners.items()}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())


def _plain_start(name: str) -> str:
    start, tissue = name.partition("_")[::2]
    return _plain(start) if tissue and name.isupper() else ""
