"""Brings the ids of effect and expression to one language: DepMap's line ids, gene symbols, lines as rows.

What cannot be brought there is refused, naming the file that is at fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tasks.dataset.gene_labels import name_genes, own_columns, parse_gene_label
from tasks.errors import BadInputError
from tasks.importing.cell_line_table import ModelsTable, read_text_table
from tasks.importing.findings import counts_rows
from tasks.importing.matrices import Matrix, plain
from tasks.importing.recognition.gene_ids import (
    SYMBOLS,
    GeneIds,
    first_of,
    ids_of_labels,
    kind_of_ids,
    renamed,
    shipped_ids,
    without_version,
)

_ENSEMBL_COLUMNS = ("ensemblgeneid", "ensemblid", "ensembl")
_ENTREZ_COLUMNS = ("entrezid", "entrezgeneid", "entrez", "ncbigeneid", "ncbiid")
_SYMBOL_COLUMNS = ("symbol", "hgncsymbol", "genesymbol", "approvedsymbol", "genename", "gene", "label")
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Identified:
    """Both matrices under comparable ids, and what was done for that, as entries of a report."""

    effect: Matrix
    expression: Matrix
    report: dict[str, list[str]] = field(default_factory=dict)


def identify(effect: Matrix, expression: Matrix, models: ModelsTable, gene_ids: GeneIds | None) -> Identified:
    """Lines by id, genes by symbol, in both.

    Lines go by id or by a name of the models table that is theirs alone. Ensembl and Entrez ids become
    symbols by ids that the other matrix writes beside its symbols, by `gene_ids`, and by the ids that come
    with Knockcast; where both matrices have the same kind of id and nothing translates it, both keep it.

    Raises:
        BadInputError: every problem: lines as columns, a line under two names, ids that nothing translates,
            no gene in common.
    """
    problems = [
        _TURNED.format(matrix.file)
        for matrix in (effect, expression)
        if models.line_names.stands_across(matrix.ids, matrix.columns)
    ]
    if problems:
        raise BadInputError(problems)
    report: dict[str, list[str]] = {}
    by_line, by_gene = [], []
    for name, matrix, other in (("effect", effect, expression), ("expression", expression, effect)):
        try:
            by_line.append(_lines_by_id(name, matrix, models, report))
            by_gene.append(_genes_by_symbol(name, matrix, other, gene_ids, report))
        except BadInputError as error:
            problems += error.problems
    if problems:
        raise BadInputError(problems)
    made = [
        replace(lines, columns=genes.columns, values=genes.values)
        for lines, genes in zip(by_line, by_gene, strict=True)
    ]
    if one_is_turned := _crossed(*made):
        raise BadInputError(one_is_turned)
    if not _share_a_gene(*made):
        raise BadInputError(_genes_differ(*made))
    return Identified(made[0], made[1], report)


def read_gene_ids(path: Path) -> GeneIds:
    """A table with a column of symbols and one of Ensembl ids, of Entrez ids, or of both.

    HGNC's hgnc_complete_set.txt and the gene table of a Dataset (genes.parquet) are such tables.

    Raises:
        BadInputError: unreadable, or no such columns.
    """
    table = read_text_table(path / "genes.parquet" if path.is_dir() else path)
    places = {plain(name): i for i, name in reversed(list(enumerate(table.columns)))}
    symbol, ensembl, entrez = (
        next((places[name] for name in names if name in places), None)
        for names in (_SYMBOL_COLUMNS, _ENSEMBL_COLUMNS, _ENTREZ_COLUMNS)
    )
    if symbol is None or (ensembl is None and entrez is None):
        raise BadInputError(
            f"{path}: expected a column symbol and one of ensembl_gene_id or entrez_id, "
            f"found {table.columns[:8]}"
        )
    by_ensembl: dict[str, str] = {}
    by_entrez: dict[str, str] = {}
    for row in table.rows:
        gene = row[symbol].strip()
        number = row[entrez].strip().removesuffix(".0") if entrez is not None else ""
        if not gene:
            continue
        label = f"{gene} ({number})" if number.isdigit() and number != "0" else gene
        if ensembl is not None and (name := row[ensembl].strip()):
            by_ensembl.setdefault(without_version(name), label)
        if number.isdigit() and number != "0":
            by_entrez.setdefault(number, label)
    return GeneIds(by_ensembl, by_entrez, path.name)


_TURNED = "{}: cell lines stand as columns; expected them as rows, genes as columns: transpose the table"


def _crossed(effect: Matrix, expression: Matrix) -> str:
    """What to say of two matrices of which one is turned, where the models table does not know the lines."""
    if set(effect.ids) & set(expression.ids):
        return ""
    for matrix, other in ((effect, expression), (expression, effect)):
        if set(matrix.columns) & set(other.ids):
            return (
                f"columns of {matrix.file} are named as rows of {other.file} are: in one of them cell lines "
                "stand as columns; expected them as rows: transpose that table"
            )
    return ""


def _lines_by_id(what: str, matrix: Matrix, models: ModelsTable, report: dict[str, list[str]]) -> Matrix:
    names = [models.line_names.id_of(name) or name for name in matrix.ids]
    first: dict[str, str] = {}
    problems = []
    for name, line in zip(matrix.ids, names, strict=True):
        if line in first:
            problems.append(
                f"{matrix.file}: {first[line]!r} and {name!r} are both cell line {line}; keep one"
            )
        first.setdefault(line, name)
    if problems:
        raise BadInputError(problems)
    report[f"cell lines of the {what} file known by another name"] = [
        f"{name} ({line})" for name, line in zip(matrix.ids, names, strict=True) if name != line
    ]
    return replace(matrix, ids=names)


def _genes_by_symbol(
    what: str, matrix: Matrix, other: Matrix, given: GeneIds | None, report: dict[str, list[str]]
) -> Matrix:
    kind = kind_of_ids(matrix.columns)
    if kind == SYMBOLS:
        return matrix
    if counts_rows(matrix.columns):
        raise BadInputError(
            f"{matrix.file}: its columns are numbered ({_some(matrix.columns)}); expected names of genes"
        )
    tables = [
        ids_of_labels(other.columns, other.file),
        *([given] if given is not None else []),
        shipped_ids(),
    ]
    known = first_of(tables, kind)
    made = renamed(matrix.columns, kind, known)
    if not made.found and kind_of_ids(other.columns) != kind:
        raise BadInputError(
            f"{matrix.file}: its genes are {kind} ({', '.join(matrix.columns[:SHOWN])}, ...), those of "
            f"{other.file} are not ({', '.join(other.columns[:SHOWN])}, ...); "
            f"none of them is in {known.source}; name a table of both by --gene-ids: columns symbol and "
            "ensembl_gene_id or entrez_id, such as HGNC's hgnc_complete_set.txt"
        )
    from_where = f" by {known.source}" if made.found else ", and nothing says their symbols"
    report[f"genes of the {what} file"] = [
        f"{kind}; {made.found} of {len(matrix.columns)} have a symbol{from_where}"
    ]
    report[f"{kind} of the {what} file without a symbol, kept as they are"] = (
        made.unknown if made.found else []
    )
    report[f"second ids of a gene in the {what} file, dropped"] = made.twice
    return replace(matrix, columns=made.labels, values=matrix.values[made.positions])


def _share_a_gene(effect: Matrix, expression: Matrix) -> bool:
    targets, genes = (name_genes(matrix.columns)[0] for matrix in (effect, expression))
    return bool((own_columns(targets, genes) >= 0).any())


def _genes_differ(effect: Matrix, expression: Matrix) -> str:
    """The message for two matrices without a gene in common."""
    symbols = [
        {parse_gene_label(label).symbol.casefold() for label in matrix.columns}
        for matrix in (effect, expression)
    ]
    alike = len(symbols[0] & symbols[1])
    hint = (
        f"; {alike} would be the same but for capital letters (symbols of another species?)" if alike else ""
    )
    return (
        f"no gene in common: {effect.file} has {_some(effect.columns)}, {expression.file} has "
        f"{_some(expression.columns)}; expected the same kind of names in both, such as TP53 or TP53 (7157)"
        f"{hint}; --gene-ids translates Ensembl and Entrez ids"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
