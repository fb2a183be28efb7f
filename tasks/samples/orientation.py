"""Which side of a table the genes are on, which names are theirs, and which column is which gene."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.errors import BadInputError
from tasks.importing.findings import counts_rows
from tasks.importing.matrices import plain
from tasks.samples.gene_ids import ALIAS, ENSEMBL, ENTREZ, SYMBOL, Found, GeneIndex, genome_build
from tasks.samples.table import ABOUT_GENES, Table

SAMPLES, GENES = "samples", "genes"
ORIENTATIONS = ("auto", SAMPLES, GENES)
SHOWN = 5
_ORDER = (SYMBOL, ENSEMBL, ENTREZ, ALIAS)  # the surest first
_DOUBLE = re.compile(r"(.+)\.\d{1,3}")  # how pandas and R rename the second column of a name


@dataclass(frozen=True, eq=False)
class Sided:
    """A table with samples as rows, and which of the models' genes each column is (None: none).

    `turned`: genes stand as rows in the file.
    """

    table: Table
    found: list[Found | None]
    labels: list[str]
    notes: tuple[str, ...]
    turned: bool = False

    @property
    def side(self) -> str:
        """What genes stand as in the file."""
        return "rows" if self.turned else "columns"


def sided(table: Table, index: GeneIndex, orientation: str = "auto") -> Sided:
    """The table turned so that rows are samples.

    "auto": the side on which more names are genes of the models; rows are samples where neither or both alike
    are. Names are those of the columns (rows), or a column of text beside them that has more genes.
    BadInputError for another orientation.
    """
    if orientation not in ORIENTATIONS:
        raise BadInputError(f"--orientation {orientation}: expected one of {', '.join(ORIENTATIONS)}")
    columns = _best(table.columns, table.of_columns, index)
    rows = _best(table.rows, table.texts, index)
    turned = orientation == GENES or (orientation == "auto" and rows.count > columns.count)
    chosen, turned_table = (rows, table.transposed()) if turned else (columns, table)
    notes = []
    if turned:
        notes.append("genes stand as rows, samples as columns" + ("" if orientation == GENES else ": turned"))
    if chosen.name:
        notes.append(f"genes are named by the column {chosen.name!r}")
    unused = list(turned_table.texts)
    if unused and not turned:
        notes.append(f"columns of text are not used: {_some(unused)}")
    turned_table, chosen, dropped = _without_descriptions(turned_table, chosen)
    if dropped:
        notes.append(f"columns that describe genes are not used: {_some(dropped)}")
    return Sided(turned_table, chosen.found, chosen.labels, (*notes, *_kinds(chosen)), turned)


@dataclass(frozen=True)
class _Names:
    """One set of names for one side; `name` of the column they stand in, "" for the side's own."""

    name: str
    labels: list[str]
    found: list[Found | None]

    @property
    def count(self) -> int:
        return len({found.gene for found in self.found if found})


def _best(own: list[str], others: dict[str, list[str]], index: GeneIndex) -> _Names:
    """The names that most genes are found by; a side's own go first."""
    best = _Names("", own, _found(own, index))
    for name, labels in others.items():
        if len(labels) == len(own):
            other = _Names(name, labels, _found(labels, index))
            best = other if other.count > best.count else best
    return best


def _found(labels: list[str], index: GeneIndex) -> list[Found | None]:
    """Which gene each label means; none of labels that only count: 1, 2, 3 are Entrez ids as well."""
    return [None] * len(labels) if counts_rows(labels) else [index.find(label) for label in labels]


def _without_descriptions(table: Table, names: _Names) -> tuple[Table, _Names, list[str]]:
    """Without "samples" that are numbers about genes: length, start, Entrez id."""
    about = [row for row, name in enumerate(table.rows) if plain(name) in ABOUT_GENES]
    if not about or len(about) == len(table.rows):
        return table, names, []
    kept = [row for row in range(len(table.rows)) if row not in set(about)]
    texts = {name: [cells[row] for row in kept] for name, cells in table.texts.items()}
    rows = [table.rows[row] for row in kept]
    smaller = Table(table.file, rows, table.columns, table.values[kept], texts, table.of_columns, table.notes)
    return smaller, names, [table.rows[row] for row in about]


def _kinds(names: _Names) -> list[str]:
    """What kinds of ids the genes were found by."""
    kinds: dict[str, str] = {}  # of each gene the surest
    for found in names.found:
        if found and (found.gene not in kinds or _ORDER.index(found.kind) < _ORDER.index(kinds[found.gene])):
            kinds[found.gene] = found.kind
    if not kinds:
        return []
    counts = Counter(kinds.values())
    unknown = {label for label, found in zip(names.labels, names.found, strict=True) if not found}
    shown = ", ".join(f"{counts[kind]} by {kind}" for kind in _ORDER if counts[kind])
    lines = [f"{len(kinds)} of {len(kinds) + len(unknown)} genes are the models': {shown}"]
    if counts[ALIAS]:
        pairs = [
            f"{label} is {f.gene}"
            for label, f in zip(names.labels, names.found, strict=True)
            if f and f.kind == ALIAS
        ]
        lines.append(f"older or other names: {_some(pairs)}")
    if build := genome_build(names.labels):
        lines.append(f"versions of the Ensembl ids are those of {build}")
    return lines


def columns_of_genes(made: Sided) -> tuple[dict[str, int], list[str], list[str]]:
    """The column of each gene of the models that the table has; notes, and problems.

    Several columns of one gene: equal ones count once. Of columns with different ids (Ensembl ids of one
    symbol) or names, that by the models' own name counts, else that with the highest mean. Two different
    columns of the same name are a problem.
    """
    columns: dict[str, list[int]] = {}
    for place, found in enumerate(made.found):
        if found is not None:
            columns.setdefault(found.gene, []).append(place)
    kept, problems, chosen = {}, [], []
    for gene, places in columns.items():
        best = places[0]
        if len(places) > 1:
            distinct = _distinct(made, places)
            if len(distinct) > 1 and _same_name(made, distinct):
                named = ", ".join(repr(made.labels[place]) for place in distinct)
                problems.append(f"{made.side} {named} name the same gene; keep one of them")
            elif len(distinct) > 1:
                chosen.append(gene)
            best = _preferred(made, distinct)
        kept[gene] = best
    notes = []
    if chosen:
        notes.append(
            f"{len(chosen)} genes stand there under several ids: the models' own name counts, else the one "
            "with the "
            f"highest mean ({_some(chosen)})"
        )
    return kept, notes + _renamed_doubles(made), problems


def _renamed_doubles(made: Sided) -> list[str]:
    """A note on columns such as "AXIN2.1" beside "AXIN2" that hold other values: they are not used."""
    places: dict[str, list[int]] = {}
    for place, (label, found) in enumerate(zip(made.labels, made.found, strict=True)):
        if found:
            places.setdefault(label.strip(), []).append(place)
    doubles = []
    for place, (label, found) in enumerate(zip(made.labels, made.found, strict=True)):
        match = None if found else _DOUBLE.fullmatch(label.strip())
        first = places.get(match[1], []) if match else []
        if first and _distinct(made, [*first, place])[-1] == place:
            doubles.append(label)
    if not doubles:
        return []
    return [
        f"LOOK AGAIN: {len(doubles)} {made.side} look like the second of a gene, as R and pandas name them, "
        f"with other values: {_some(doubles)}. They are not used; make sure that the first ones are right"
    ]


def _distinct(made: Sided, places: Sequence[int]) -> list[int]:
    """Those of the columns that hold other values than an earlier one of them."""
    distinct: list[int] = []
    for place in places:
        column = made.table.values[:, place]
        if not any(np.array_equal(column, made.table.values[:, other], equal_nan=True) for other in distinct):
            distinct.append(place)
    return distinct


def _same_name(made: Sided, places: Sequence[int]) -> bool:
    """Whether two of the columns are named alike: by any one name twice, or by symbol with and without id."""
    labels = {made.labels[place].strip().casefold() for place in places}
    return len(labels) < len(places) or sum(_kind(made, place) == SYMBOL for place in places) > 1


def _preferred(made: Sided, places: Sequence[int]) -> int:
    named = [place for place in places if _kind(made, place) == SYMBOL]
    means = {place: float(np.nan_to_num(made.table.values[:, place]).mean()) for place in named or places}
    return max(means, key=lambda place: (means[place], -place))


def _kind(made: Sided, place: int) -> str:
    found = made.found[place]
    return found.kind if found else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", ... ({len(names)})" if len(names) > SHOWN else "")
