"""Truth values packed into 64-bit words, so that co-occurrences are counted by AND and population count."""

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, UInt64
from numba import types
from numba.extending import intrinsic

WORD_BITS = 64
WORDS_STEP = 4  # kernels take four words a step; packed data are padded to a multiple of it


def pack(truth: Bool[np.ndarray, "rows cell_lines"]) -> UInt64[np.ndarray, "rows words"]:
    """Pack each row into 64-bit words, the first cell line in the lowest bit; the padding bits are 0.

    The number of words is a multiple of `WORDS_STEP`.
    """
    rows, lines = truth.shape
    step = WORD_BITS * WORDS_STEP
    padded = np.zeros((rows, -(-lines // step) * step // 8), dtype=np.uint8)
    padded[:, : -(-lines // 8)] = np.packbits(truth, axis=1, bitorder="little")
    return padded.view("<u8").astype(np.uint64, copy=False)


def unpack(words: UInt64[np.ndarray, "rows words"], n_lines: int) -> Bool[np.ndarray, "rows cell_lines"]:
    """What `pack` was given."""
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=n_lines, bitorder="little").view(np.bool_)


@intrinsic
@no_type_check  # numba reads the signature below, not hints
def popcount(typing_context, word):
    """Number of set bits of a uint64, for use inside numba kernels.

    numba publishes no popcount; this emits LLVM's `ctpop`, which vectorises to VPOPCNTQ where the processor
    has it and to byte shuffles where not.
    """

    def emit(context, builder, signature, arguments):
        ctpop = builder.module.declare_intrinsic("llvm.ctpop", [arguments[0].type])
        return builder.call(ctpop, arguments)

    return types.uint64(types.uint64), emit
