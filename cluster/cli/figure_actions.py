"""What `knockcast figures` does."""

from pathlib import Path

from cluster.figures.page import write_drawn
from cluster.figures.registry import FIGURES
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError


def write_figures(store: str, name: str | None, out: Path) -> str:
    """Write one figure of a store, or all it has data for, into a folder; returns what is printed.

    Raises BadInputError for an unknown name, a store without the data asked for, and a folder that cannot be
    written.
    """
    if name is not None and name not in FIGURES:
        raise BadInputError(
            f"figure {name!r}: there is none; known are {', '.join(FIGURES)} "
            "(two methods against each other: knockcast compare STORE A B --figure F.html)"
        )
    reader = StoreReader.open(store)
    drawn = {kind: FIGURES[kind].draw(reader) for kind in ([name] if name else FIGURES)}
    missing = [
        f"{kind}: {store} holds no {FIGURES[kind].requires}" for kind, made in drawn.items() if made is None
    ]
    if len(missing) == len(drawn):
        raise BadInputError(missing)
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths = [path for kind, made in drawn.items() if made for path in write_drawn(made, out, kind)]
    except OSError as error:
        raise BadInputError(f"--out {out}: cannot be written: {error.strerror}") from None
    return "\n".join([*map(str, paths), *(f"left out: {line}" for line in missing)])
