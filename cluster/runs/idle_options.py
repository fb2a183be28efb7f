"""Options that nothing in the run reads, though they still become part of the store: the user is told."""

from collections.abc import Sequence

from cluster.runs.fields import RunOptions, flag_of
from tasks.methods.registry import method_named, method_names


def readers_of(option: str) -> list[str]:
    """The methods that read an option; none of those that every method reads, or none."""
    return [name for name in method_names() if option in method_named(name).reads]


def idle_options(methods: Sequence[str], options: RunOptions) -> list[str]:
    """A sentence for each option that is not at its default and that no method, or not the scheme, reads."""
    given = [name for name, value in options if value != RunOptions.model_fields[name].default]
    readers = {name: readers_of(name) for name in given}
    notes = [
        f"{flag_of(name)} changes nothing here: {' and '.join(those)} would read it"
        for name, those in readers.items()
        if those and not set(those) & set(methods)
    ]
    if "folds" in given and options.scheme != "kfold":
        notes.append(f"--folds changes nothing here: --scheme {options.scheme} has its own")
    return notes
