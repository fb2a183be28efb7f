"""What a user gives and nothing reads is said."""

import pytest

from cluster.runs.fields import RunOptions
from cluster.runs.idle_options import READ_BY, idle_options
from cluster.runs.options import BUILT_METHODS


@pytest.mark.parametrize(
    ("methods", "given", "idle"),
    [
        (["ridge"], {}, []),
        (["ridge"], {"preset": "published", "seed": 3}, ["--preset"]),
        (["ridge", "modifiers"], {"preset": "published", "top": 9, "fdr": 0.1}, []),
        (["one_modifier"], {"preset": "ols", "like_the_code": True}, ["--preset"]),
        (["forest"], {"redundancy": 0.9, "nested_search": True}, ["--redundancy", "--nested-search"]),
        (["latent"], {"search_architecture": True}, []),
        (["modifiers"], {"scheme": "lineage", "folds": 7}, ["--folds"]),
        (["modifiers"], {"scheme": "kfold", "folds": 7}, []),
    ],
)
def test_options_that_nothing_reads_are_named(methods, given, idle):
    notes = idle_options(methods, RunOptions(**given))
    assert [note.split()[0] for note in notes] == idle


def test_the_readers_are_methods_and_options():
    assert {reader for readers in READ_BY.values() for reader in readers} <= set(BUILT_METHODS)
    assert READ_BY.keys() <= RunOptions.model_fields.keys()
