"""Commands of the contract that are not built yet: each says so in one line and exits with 2."""

from collections.abc import Callable

import typer

from tasks.errors import BadInputError

MISSING = {
    "describe": "shapes, gene classes and drift between two datasets",
    "explain": "the explanation of one gene's model",
    "enrich": "pathway and paralog enrichment of modifiers",
    "report": "the HTML report",
    "explore": "the explorer",
}


def add_to(app: typer.Typer) -> None:
    """Add every command that is still missing, hidden from help's list, taking any arguments."""
    for name, what in MISSING.items():
        app.command(
            name,
            hidden=True,
            add_help_option=False,
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        )(_refusal(name, what))


def _refusal(name: str, what: str) -> Callable[[typer.Context], None]:
    def refuse(ctx: typer.Context) -> None:
        raise BadInputError(f"knockcast {name}: not built yet: {what}")

    return refuse
