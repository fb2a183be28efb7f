"""New samples as a person gives them, samples x genes: whether they can be scored, and if not, why."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float32

from tasks.dataset.gene_labels import name_genes, parse_gene_label
from tasks.errors import BadInputError

EXPECTED = (
    "expected a pandas DataFrame of log2(TPM+1), samples x genes (rows are samples, columns gene symbols)"
)
SHOWN = 3


def checked_samples(samples: object) -> pd.DataFrame:
    """A DataFrame of samples x genes, with float32 values (NaN where missing) and labels of type str.

    Raises BadInputError, with all problems, for what is no DataFrame, holds no samples or no genes, a gene
    more than once, or something that is not a number.
    """
    if not isinstance(samples, pd.DataFrame):
        one = "; of one sample: series.to_frame().T" if isinstance(samples, pd.Series) else ""
        raise BadInputError(f"samples: got a {type(samples).__name__}; {EXPECTED}{one}")
    for length, what in zip(samples.shape, ("samples (rows)", "genes (columns)"), strict=True):
        if not length:
            raise BadInputError(f"samples: the table has no {what}; {EXPECTED}")
    labels = [str(label) for label in samples.columns]
    values, problems = _numbers(samples, labels)
    problems = [_same_gene(same) for same in same_genes(labels)] + problems
    if problems:
        raise BadInputError(problems)
    return pd.DataFrame(values, index=samples.index, columns=labels)


def gene_columns(labels: Sequence[str]) -> dict[str, int]:
    """The column of each gene of a matrix of samples.

    A gene is found by its label as written, and by the name that a Dataset would give it: "SYMBOL (entrez)"
    also by the bare symbol where no other column has that. A label as written goes first.
    """
    names, _ = name_genes(labels)
    return {name: i for i, name in enumerate(names.labels)} | {label: i for i, label in enumerate(labels)}


def same_genes(labels: Sequence[str]) -> list[list[str]]:
    """Groups of labels that may name one gene: a bare symbol and "SYMBOL (id)" do."""
    by_symbol: dict[str, dict[str, list[str]]] = {}
    for label in labels:
        gene = parse_gene_label(label)
        by_symbol.setdefault(gene.symbol, {}).setdefault(gene.identifier, []).append(label)
    groups: list[list[str]] = []
    for by_id in by_symbol.values():
        # A bare symbol may be any of those with an id; where there is none, ids distinguish genes.
        alike = [[label for some in by_id.values() for label in some]] if "" in by_id else by_id.values()
        groups += [group for group in alike if len(group) > 1]
    return groups


def none_known(samples: pd.DataFrame, needed: Collection[str]) -> str:
    """The message for checked samples that know none of the genes needed."""
    named = [label for label, gene in _named_as(samples.columns, _by_symbol(needed)).items() if label == gene]
    hint = f"; {len(named)} columns are named so, but hold no value, or another gene's id" if named else ""
    return (
        "none of the models' genes are known in these samples: columns must be gene symbols "
        f"(such as {_some(needed)}; these are {_some(samples.columns)}){hint}"
        + in_other_words(samples, needed)
    )


def in_other_words(samples: pd.DataFrame, needed: Collection[str]) -> str:
    """What may be wrong with the labels of checked samples that know too few of the genes needed, or ""."""
    genes = _by_symbol(needed)
    columns, rows = (_named_as(labels, genes) for labels in (samples.columns, samples.index))
    hints = []
    if other := {column: gene for column, gene in columns.items() if column != gene}:
        column, gene = next(iter(other.items()))
        hints.append(
            f"{len(other)} columns differ from the models' genes in upper and lower case alone: "
            f"did you mean {gene!r} by {column!r}?"
        )
    if rows:
        hints.append(
            f"{len(rows)} rows are named as the models' genes are ({_some(rows)}): if genes stand as rows, "
            "transpose the table (rows are samples, columns genes)"
        )
    return "".join(f"; {hint}" for hint in hints)


def _same_gene(same: Sequence[str]) -> str:
    return f"columns {', '.join(map(repr, same))} name the same gene; keep one of them"


def _numbers(
    samples: pd.DataFrame, labels: Sequence[str]
) -> tuple[Float32[np.ndarray, "samples genes"], list[str]]:
    """The values, and the problems of columns that hold something else; numbers as text are numbers."""
    is_number = np.array([pd.api.types.is_numeric_dtype(kind) for kind in samples.dtypes], dtype=bool)
    if is_number.all():
        return samples.to_numpy(dtype=np.float32, na_value=np.nan), []
    values = np.empty(samples.shape, dtype=np.float32)
    values[:, is_number] = samples.loc[:, is_number].to_numpy(dtype=np.float32, na_value=np.nan)
    problems = []
    for i in np.flatnonzero(~is_number).tolist():
        column = samples.iloc[:, i].astype(object)
        numbers = pd.to_numeric(column, errors="coerce")
        values[:, i] = numbers.to_numpy(dtype=np.float32, na_value=np.nan)
        wrong = column[(numbers.isna() & column.notna()).to_numpy()]
        if len(wrong):
            cell = f"{str(wrong.iloc[0])[:40]!r} in row {str(wrong.index[0])!r}"
            problems.append(
                f"column {labels[i]!r}: {cell} is not a number; expected log2(TPM+1), or nothing where it is "
                "not known; make the samples' names the index, and leave out columns that are no genes"
            )
    return values, problems


def _by_symbol(labels: Iterable[object]) -> dict[str, str]:
    """Symbols as written, by what is left of them where case does not count."""
    symbols = (parse_gene_label(str(label)).symbol for label in labels)
    return {symbol.casefold(): symbol for symbol in symbols}


def _named_as(labels: Iterable[object], genes: Mapping[str, str]) -> dict[str, str]:
    """For every symbol among the labels that is one of `genes` but for its case, that one."""
    given = (parse_gene_label(str(label)).symbol for label in labels)
    return {symbol: genes[symbol.casefold()] for symbol in given if symbol.casefold() in genes}


def _some(labels: Iterable[object]) -> str:
    names = [repr(str(label)) for label in labels]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
