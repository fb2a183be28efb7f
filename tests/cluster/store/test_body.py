import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import DamagedFileError, StorageError
from cluster.store.body import digest_of, read_json, seal_json, sha256
from tests.promises import Measured

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda key: key != "format"), VALUES, max_size=4))
def test_what_is_sealed_is_read_back(body: dict[str, object]) -> None:
    assert read_json(seal_json(body), "x") == {"format": 1, **body}


def test_a_sealed_file_is_plain_json_that_names_its_digest() -> None:
    sealed = json.loads(seal_json({"b": 1, "a": "é"}))
    assert sealed["body"] == {"format": 1, "a": "é", "b": 1}
    assert sealed["sha256"] == digest_of({"a": "é", "b": 1})


def test_every_flipped_bit_is_noticed(measured: Measured) -> None:
    data = seal_json({"key": "abc", "n": [1, 2]})
    for place in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            with pytest.raises(DamagedFileError, match=r"plan\.json: damaged"):
                read_json(bytes(damaged), "plan.json")
    measured(bits_flipped_and_noticed=8 * len(data))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "not the JSON of any"),
        (b'{"format":"one"}', "has the format 'one'"),
        (b'{"format":1,"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "not the JSON of any"),
        (b"{nonsense}", "not the JSON of any"),
    ],
)
def test_a_forged_body_with_the_right_checksum_is_no_traceback(body: bytes, says: str) -> None:
    forged = b'{"sha256":"%s","body":%s}\n' % (sha256(body).encode(), body)
    with pytest.raises(DamagedFileError, match=says):
        read_json(forged, "plan.json")


@pytest.mark.parametrize("cut", [0, 1, 80, -1])
def test_a_truncated_file_is_noticed(cut: int) -> None:
    with pytest.raises(DamagedFileError):
        read_json(seal_json({"a": 1})[:cut], "x")


def test_a_newer_format_is_refused_with_an_instruction() -> None:
    with pytest.raises(StorageError, match=r"run\.json: format 3, written by a newer Knockcast.*install"):
        read_json(seal_json({"format": 3}), "run.json")


def test_nan_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        seal_json({"a": float("nan")})
