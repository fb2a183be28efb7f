"""Which committed work other work is made from: the networks that shards forecast with, and their search."""

from typing import Literal

from cluster.store.units import FIT, SEARCH, Unit, fold_level_unit, shard_key
from tasks.networks.training import NETWORK_METHODS

Search = Literal["none", "once", "nested"]  # no search; one, on the first fold; one in every fold
FIRST_FOLD = 0


def dependencies_of(unit: Unit, run_digest: str, search: Search) -> tuple[str, ...]:
    """The keys of the commits that a unit's work reads: of the fold's networks, or of their search."""
    if unit.method not in NETWORK_METHODS or unit.work == SEARCH:
        return ()
    if unit.work == FIT:
        return () if search == "none" else (search_key(unit.method, unit.fold, run_digest, search),)
    return (networks_key(unit.method, unit.fold, run_digest, search),)


def networks_key(method: str, fold: int, run_digest: str, search: Search) -> str:
    """The key of the commit that holds a fold's networks."""
    unit = fold_level_unit(method, fold)
    return shard_key(run_digest, [unit], dependencies_of(unit, run_digest, search))


def search_key(method: str, fold: int, run_digest: str, search: Search) -> str:
    """The key of the commit that holds the search whose winner a fold's networks are."""
    return shard_key(run_digest, [fold_level_unit(method, searched_fold(fold, search), SEARCH)])


def searched_fold(fold: int, search: Search) -> int:
    """The fold whose training lines the architecture of a fold's networks is searched on."""
    return fold if search == "nested" else FIRST_FOLD


def fold_level_units(method: str, folds: list[int], search: Search) -> list[Unit]:
    """What must be done in these folds before targets are: the searches, then the networks."""
    if method not in NETWORK_METHODS:
        return []
    searched = sorted({searched_fold(fold, search) for fold in folds}) if search != "none" else []
    return [
        *(fold_level_unit(method, fold, SEARCH) for fold in searched),
        *(fold_level_unit(method, fold) for fold in folds),
    ]
