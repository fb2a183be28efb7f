import numpy as np
import pytest
from numba import njit

from modeling.statistics.bits import WORDS_STEP, pack, popcount, unpack


@njit
def counted(words):
    return [popcount(word) for word in words]


@pytest.mark.parametrize("lines", [1, 8, 63, 64, 65, 255, 256, 257, 720])
def test_packed_rows_hold_every_line_in_order_and_zeros_after(lines):
    truth = np.random.default_rng(lines).random((5, lines)) < 0.4
    packed = pack(truth)
    assert packed.dtype == np.uint64
    assert packed.shape[1] % WORDS_STEP == 0
    bits = [[int(word) >> i & 1 for word in row for i in range(64)] for row in packed]
    np.testing.assert_array_equal(np.array(bits)[:, :lines], truth)
    assert not np.array(bits)[:, lines:].any()
    np.testing.assert_array_equal(unpack(packed, lines), truth)


def test_popcount_counts_bits():
    words = np.random.default_rng(0).integers(0, 2**64, 1000, dtype=np.uint64)
    words[:3] = 0, 1, 2**64 - 1
    assert counted(words) == [int(word).bit_count() for word in words]
