"""What a user gives and nothing reads is said."""

import pytest

from cluster.runs.fields import RunOptions
from cluster.runs.methods import idle_options
from tasks.methods.registry import method_named, method_names


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
    read = {option for name in method_names() for option in method_named(name).reads}
    assert read
    assert read <= RunOptions.model_fields.keys()
