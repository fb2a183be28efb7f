"""The file of a fold's shared components (method `reduced_rank`)."""

import numpy as np

from modeling.kernels.reduced_rank import Components
from tasks.artifacts.codec import Codec

COMPONENTS = Codec("shared components", newest=1)


def components_bytes(components: Components) -> bytes:
    """The file's bytes, equal for equal input."""
    arrays = {
        "dual": components.dual,
        "means": components.means,
        "scores": components.scores,
        "penalty": np.array([components.penalty]),
    }
    return COMPONENTS.write(arrays, {})


def components_of(data: bytes) -> Components:
    """What `components_bytes` wrote; BadInputError for a file of a newer format."""
    arrays, _ = COMPONENTS.read(data)
    return Components(arrays["dual"], arrays["means"], arrays["scores"], float(arrays["penalty"][0]))
