"""Which drug of a response is which row of a target table: by id, else by a name that settles it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.importing.columns import plain
from tasks.importing.drug_files import DrugTargets

# How a drug of the response is spelled, and the rows that go by each name in this spelling.
_Index = tuple[Callable[[str], str], Mapping[str, list[int]]]


@dataclass(frozen=True, eq=False)
class MatchedTargets:
    """A target table that knows the drugs of a response by their names there.

    `table` has the columns drug_id and target_genes: every row of the file, then one for each drug of the
    response that was found by name. `by_name` maps those to the file's id, `unsettled` are drugs whose name
    several rows have, with unlike targets; `absent` are those that no row names.
    """

    table: pa.Table
    by_name: dict[str, str]
    unsettled: list[str]
    absent: list[str]


def match_drugs(targets: DrugTargets, drugs: Sequence[str]) -> MatchedTargets:
    """Finds each drug of a response (`drugs`: its columns) in the target table.

    A drug that is no drug_id goes by the name as it is written, else by name or id without case and
    punctuation, else so by synonym. The first that any row has decides; rows of one name must have equal
    targets, for drugs that only share a name cannot be told apart.
    """
    ids, indexes = set(targets.ids), _indexes(targets)
    taken: dict[str, int] = {}
    unsettled, absent = [], []
    for drug in drugs:
        if drug in ids:
            continue
        rows = _rows_of(drug, indexes)
        if not rows:
            absent.append(drug)
        elif len({frozenset(targets.genes[row]) for row in rows}) > 1:
            unsettled.append(drug)
        else:
            taken[drug] = rows[0]
    genes = [*targets.genes, *(targets.genes[row] for row in taken.values())]
    table = pa.table({"drug_id": [*targets.ids, *taken], "target_genes": ["|".join(some) for some in genes]})
    by_name = {drug: targets.ids[row] for drug, row in taken.items()}
    return MatchedTargets(table, by_name, unsettled, absent)


def _rows_of(drug: str, indexes: Sequence[_Index]) -> list[int]:
    return next((rows for spelled, known in indexes if (rows := known.get(spelled(drug), []))), [])


def _indexes(targets: DrugTargets) -> list[_Index]:
    """The best first."""
    spoken = [[name, drug_id] for name, drug_id in zip(targets.names, targets.ids, strict=True)]
    return [
        (str, _by_name([[name] for name in targets.names], str)),
        (plain, _by_name(spoken, plain)),
        (plain, _by_name(targets.synonyms, plain)),
    ]


def _by_name(names: Iterable[Sequence[str]], spelled: Callable[[str], str]) -> dict[str, list[int]]:
    """The rows that each name stands in, without the name that is none."""
    rows: dict[str, list[int]] = {}
    for row, some in enumerate(names):
        for name in {spelled(name) for name in some} - {""}:
            rows.setdefault(name, []).append(row)
    return rows
