"""Seeds by hashing: every random choice depends on what it is for, never on when or where it is made."""

import hashlib
import json
import operator
from typing import SupportsIndex

import numpy as np


def seed_of(run_seed: SupportsIndex, *parts: str | SupportsIndex) -> int:
    """A 63-bit seed for one purpose of one run.

    `parts` say what the randomness is for, such as `("fold", 3, "autoselect")`. Text and numbers (Python's
    or numpy's, which count alike) differ, and the parts' borders count, so that ("1", 2) , (1, 2) and
    ("12",) give three unrelated seeds. The seed is the first 63 bits of the sha256 of the parts as JSON: the
    same on every machine and version.
    """
    named = [part if isinstance(part, str) else operator.index(part) for part in (run_seed, *parts)]
    digest = hashlib.sha256(json.dumps(named, separators=(",", ":")).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(run_seed: SupportsIndex, *parts: str | SupportsIndex) -> np.random.Generator:
    """A fresh PCG64 generator for one purpose of one run; see `seed_of`."""
    return np.random.Generator(np.random.PCG64(seed_of(run_seed, *parts)))
