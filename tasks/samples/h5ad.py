"""Samples in AnnData's `.h5ad` files. The package anndata is asked for only here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from tasks.bounded import check_shape
from tasks.errors import BadInputError

H5AD = ".h5ad"


@dataclass(frozen=True, eq=False)
class Annotated:
    """X of the file (observations are samples) and the columns of text of `obs` and `var`."""

    samples: list[str]
    genes: list[str]
    values: Float32[np.ndarray, "samples genes"]
    of_samples: dict[str, list[str]]
    of_genes: dict[str, list[str]]
    notes: tuple[str, ...]


def read_h5ad(path: Path) -> Annotated:
    """What the file holds; BadInputError where it cannot be read, or anndata is not installed."""
    try:
        import anndata  # noqa: PLC0415 - optional, and slow to load
    except ImportError as error:
        raise BadInputError(
            f"{path}: reading .h5ad takes the package anndata: pip install 'knockcast[h5ad]' (or save the "
            "table as .csv "
            "or .parquet)"
        ) from error
    try:
        begun = anndata.read_h5ad(path, backed="r")
        rows, columns = begun.shape
        begun.file.close()
        check_shape(path, rows, columns)
        held = anndata.read_h5ad(path)
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: cannot be read (No such file or directory); check the path") from error
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"{path}: not a readable .h5ad file ({str(error).splitlines()[0][:200]}); write it again"
        ) from error
    if held.X is None or not held.n_obs or not held.n_vars:
        raise BadInputError(f"{path}: its X is empty; expected samples x genes there")
    dense = held.X.toarray() if hasattr(held.X, "toarray") else held.X
    values = np.asarray(dense, dtype=np.float32)
    layers = ", ".join(map(str, held.layers))
    notes = ["X is read" + (f", not the layers ({layers})" if layers else "")]
    return Annotated(
        [str(name) for name in held.obs_names],
        [str(name) for name in held.var_names],
        np.where(np.isfinite(values), values, np.float32(np.nan)),
        _texts(held.obs),
        _texts(held.var),
        tuple(notes),
    )


def _texts(frame: Any) -> dict[str, list[str]]:
    texts = frame.select_dtypes(include=["object", "string", "category"])
    return {str(name): [str(cell) for cell in texts[name]] for name in texts}
