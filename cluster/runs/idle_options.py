"""Options that nothing in the run reads, though they still become part of the store: the user is told."""

from collections.abc import Sequence

from cluster.runs.fields import RunOptions, flag_of
from tasks.networks.training import NETWORK_METHODS

SELECTING = ("modifiers", "one_modifier", "all_modifiers")
READ_BY: dict[str, tuple[str, ...]] = {"preset": ("modifiers",)}
READ_BY |= dict.fromkeys(("top", "fdr", "redundancy", "like_the_code"), SELECTING)
READ_BY |= dict.fromkeys(("search_architecture", "nested_search"), NETWORK_METHODS)


def idle_options(methods: Sequence[str], options: RunOptions) -> list[str]:
    """A sentence for each option that is not at its default and that no method, or not the scheme, reads."""
    given = {name for name, value in options if value != RunOptions.model_fields[name].default}
    notes = [
        f"{flag_of(name)} changes nothing here: {' and '.join(readers)} would read it"
        for name, readers in READ_BY.items()
        if name in given and not set(readers) & set(methods)
    ]
    if "folds" in given and options.scheme != "kfold":
        notes.append(f"--folds changes nothing here: --scheme {options.scheme} has its own")
    return notes
