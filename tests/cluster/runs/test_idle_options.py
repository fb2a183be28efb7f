"""What a user gives and nothing reads is said."""

from pathlib import Path

import pytest

from cluster.runs.fields import RunOptions
from cluster.runs.methods import idle_options, readers_of
from modeling.plugins import METHODS
from tasks.errors import BadInputError
from tasks.methods.registry import method_named, method_names, usable_methods
from tests.modeling.installed import installer


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


def test_a_plug_in_that_cannot_be_loaded_concerns_only_who_asks_for_it(tmp_path: Path) -> None:
    with installer(tmp_path / "site") as install:
        install("toy-broken", "0.3", f"[{METHODS}]\nbroken = toy_absent:Absent\nridge = toy_absent:Absent\n")
        assert {"modifiers", "kernel"} <= {method.name for method in usable_methods()}
        assert "modifiers" in readers_of("preset")
        with pytest.raises(BadInputError, match=r"toy-broken 0\.3"):
            method_named("broken")
