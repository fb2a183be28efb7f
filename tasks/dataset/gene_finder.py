"""Which gene a user means: by symbol in any case, Entrez or Ensembl id, `SYMBOL (id)` or alias."""

import difflib
from collections.abc import Iterable, Sequence

from tasks.dataset.gene_labels import parse_gene_label
from tasks.errors import BadInputError

CLOSE = 0.6  # difflib's ratio from which a name counts as close
OFFERED = 3
OF_STORE = "a target of this store"


class GeneFinder:
    """The labels of some genes by every name that is known of them.

    `entrez` has their Entrez ids, 0 where unknown. `aliases` are pairs of another name (an Ensembl id, an
    older symbol) and a symbol or label; pairs for other genes do no harm. A name of the genes themselves goes
    before any alias.
    """

    def __init__(
        self,
        labels: Sequence[str],
        entrez: Iterable[int] = (),
        aliases: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._labels = sorted(labels)
        self._exact = set(labels)
        self._names: dict[str, set[str]] = {}
        for label in labels:
            parsed = parse_gene_label(label)
            for name in (label, parsed.symbol, parsed.ensembl, str(parsed.entrez or "")):
                self._add(name, label)
        for label, number in zip(labels, entrez, strict=False):
            self._add(str(number or ""), label)
        self._aliases: dict[str, set[str]] = {}
        for alias, symbol in aliases:
            for label in self._names.get(_plain(symbol), ()):
                self._aliases.setdefault(_plain(alias), set()).add(label)

    def find(self, name: str, what: str = OF_STORE) -> str:
        """The label of the gene that a name means.

        An exact label first, then any case; then what stands in brackets, and an alias. Raises BadInputError,
        naming close ones, for a name that is `what` of none, and naming all for one of several genes.
        """
        if name in self._exact:
            return name
        if not name.strip():
            raise BadInputError(f"an empty name is not {what}{self._hint(name, what)}")
        spellings = self._spellings(name)
        for found in [known.get(text, set()) for known in (self._names, self._aliases) for text in spellings]:
            if len(found) == 1:
                return next(iter(found))
            if found:
                raise BadInputError(f"{name}: may be {' or '.join(sorted(found))}; give one of these")
        raise BadInputError(f"{name}: not {what}{self._hint(name, what)}")

    def _add(self, name: str, label: str) -> None:
        if name:
            self._names.setdefault(_plain(name), set()).add(label)

    def _spellings(self, name: str) -> list[str]:
        """The names to look for, most certain first: as given, then the parts of `SYMBOL (id)`."""
        parsed = parse_gene_label(name)
        given = [name, *([str(parsed.entrez)] if parsed.entrez else []), parsed.ensembl, parsed.symbol]
        return [_plain(text) for text in given if text]

    def _hint(self, name: str, what: str) -> str:
        by_plain = {_plain(label): label for label in reversed(self._labels)}
        close = difflib.get_close_matches(_plain(name), sorted(by_plain), n=OFFERED, cutoff=CLOSE)
        if close:
            return f"; did you mean {', '.join(by_plain[text] for text in close)}?"
        if _plain(name).startswith("ENSG") and what == OF_STORE:
            return "; --gene-ids takes a table of further ids, such as HGNC's"
        return "; `knockcast top STORE` lists its targets" if what == OF_STORE else ""


def _plain(name: str) -> str:
    """One spelling for all cases, and for Ensembl ids with and without their version."""
    text = name.strip().upper()
    return text.partition(".")[0] if text.startswith("ENSG") else text
