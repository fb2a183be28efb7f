"""Gene sets from GMT files (MSigDB, Enrichr): a line each, of name, description and genes, between tabs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import BadInputError
from tasks.gene_sets.symbols import is_symbol, name_of, read_bytes, text_of

GENES_FROM = 2  # the columns before are name and description


@dataclass(frozen=True)
class GeneSets:
    """The sets of one file: `sets` maps each name to its genes, in capitals. `sha256` is of the file."""

    name: str
    sets: Mapping[str, frozenset[str]]
    sha256: str

    @property
    def genes(self) -> frozenset[str]:
        """The genes of all sets."""
        return frozenset[str]().union(*self.sets.values())


def read_gmt(path: Path) -> GeneSets:
    """The gene sets of a GMT file (.gz too).

    Enrichr's weights (`TP53,1.0`) are left out; a gene twice in a set counts once. Raises BadInputError with
    every problem: a line without genes or with another separator, a set named twice, what is no symbol.
    """
    data, digest = read_bytes(path)
    if data.strip() and b"\t" not in data:
        raise BadInputError(
            f"{path}: no line has a tab; expected a GMT file: name, tab, description, tab, genes"
        )
    sets: dict[str, frozenset[str]] = {}
    first: dict[str, int] = {}
    problems = []
    for number, line in enumerate(text_of(path, data).splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = (cell.strip() for cell in line.split("\t"))
        genes = [cell.split(",")[0].strip() for cell in rest[GENES_FROM - 1 :] if cell]
        if problem := _wrong_line(line, name, rest, genes, first):
            problems.append(f"{path}: line {number}: {problem}")
        first.setdefault(name, number)
        sets[name] = frozenset(gene.upper() for gene in genes)
    if not first:
        problems.append(f"{path}: holds no gene set; expected a GMT file: name, description, genes")
    if problems:
        raise BadInputError(problems)
    return GeneSets(name_of(path), sets, digest)


def _wrong_line(line: str, name: str, rest: list[str], genes: list[str], first: Mapping[str, int]) -> str:
    """What is wrong with a line, in words; nothing where it is a gene set."""
    if not rest:
        other = next((mark for mark in (",", ";", " ") if line.count(mark) > 1), "")
        hint = f", found {other!r} instead" if other else ""
        return f"no tab{hint}; expected name, description and genes, with tabs between them"
    if not name or not name.isprintable():
        return "the set has no name that shows; expected it in the first column"
    if name in first:
        return f"the set {name!r} is there twice (first in line {first[name]}); keep one"
    if not genes:
        return f"the set {name!r} has no genes; expected them from the third column on"
    if wrong := [gene for gene in genes if not is_symbol(gene)]:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"{name!r} holds {wrong[0]!r}{more}, no gene symbol; expected symbols such as TP53"
    return ""
