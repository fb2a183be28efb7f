"""How a file of arrays is written: safetensors, with its metadata as JSON in an array of bytes.

Stores hold the sha256 of such files, so equal content must always give equal bytes. Keys are sorted, and
arrays are put in C order (safetensors would write others with their values in the wrong places). The name of
the metadata array differs between kinds of files because it always did.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tasks.errors import BadInputError


@dataclass(frozen=True)
class Codec:
    """One kind of file.

    `what` names it in messages. `newest` is the format written here; it and all older ones are read. The
    metadata stand in the array called `metadata_array`.
    """

    what: str
    newest: int
    metadata_array: str = "names"

    def write(self, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> bytes:
        """The file's bytes, equal for equal input. The metadata also get the `format`."""
        text = json.dumps({**metadata, "format": self.newest}, sort_keys=True, separators=(",", ":"))
        contents = {**arrays, self.metadata_array: np.frombuffer(text.encode(), dtype=np.uint8)}
        return save({name: np.ascontiguousarray(array) for name, array in contents.items()})

    def read(self, data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The arrays and the metadata of a file; the caller has checked the sha256 of `data`.

        Raises:
            BadInputError: a file of another kind, or of a newer format.
        """
        try:
            arrays = load(data)
            metadata = json.loads(arrays.pop(self.metadata_array).tobytes())
            version = metadata["format"]
        except (SafetensorError, KeyError, ValueError) as error:
            raise BadInputError(
                f"{self.what}: the file is of another kind ({error}); check which file was given"
            ) from error
        if version > self.newest:
            raise BadInputError(
                f"{self.what} of format {version}, written by a newer Knockcast; this one reads format "
                f"{self.newest} and older: install the newer version to use this store"
            )
        return arrays, metadata
