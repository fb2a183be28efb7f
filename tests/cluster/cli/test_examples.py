"""Every command stands in a group and has examples, and each example is one that the command understands."""

import shlex
from typing import Any

import pytest
import typer

from cluster.cli.app import app
from cluster.cli.examples import EXAMPLES, ORDER

COMMANDS: Any = typer.main.get_command(app)  # a group of Typer's own copy of click
VISIBLE = {name: command for name, command in COMMANDS.commands.items() if not command.hidden}


@pytest.mark.parametrize("name", VISIBLE)
def test_a_command_has_a_group_and_examples(name: str) -> None:
    group, examples = EXAMPLES[name]
    assert group in ORDER
    assert examples
    assert all(example in (VISIBLE[name].epilog or "") for example in examples)


@pytest.mark.parametrize("name", VISIBLE)
def test_its_examples_are_understood(name: str) -> None:
    for example in EXAMPLES[name][1]:
        words = shlex.split(example)
        assert words[0] == name
        VISIBLE[name].make_context(name, words[1:])  # raises for an option or argument there is not


def test_groups_come_in_the_order_of_work() -> None:
    groups = [group for group, _ in EXAMPLES.values()]
    assert groups == sorted(groups, key=ORDER.index)
    assert [*VISIBLE] == [name for name in EXAMPLES if name in VISIBLE]
