"""The command line's options are the fields of `RunOptions`, each declared once."""

from typing import Any, get_args

import pytest
import typer.main

from cluster.cli.app import app
from cluster.runs.fields import GROUPS, WHERE, RunOptions, flag_of, group_of, names_in
from cluster.runs.options import checked_options
from modeling.folds import Scheme
from tasks.errors import BadInputError

OWN = {
    "run": {"dataset", "store"},
    "plan": {"dataset", "store", "output", "calibrate", "price", "node_cores"},
}
FIELDS = list(RunOptions.model_fields)


def parameters(command: str) -> dict[str, Any]:
    commands = typer.main.get_command(app).commands
    return {parameter.name: parameter for parameter in commands[command].params}


@pytest.mark.parametrize("command", OWN)
def test_every_field_is_an_option_with_its_flag_default_help_and_group(command: str):
    found = parameters(command)
    assert found.keys() - {"help"} == OWN[command] | set(FIELDS)
    for name in FIELDS:
        option, field = found[name], RunOptions.model_fields[name]
        given = field.default if not isinstance(field.default, tuple) else list(field.default)
        assert option.opts == [flag_of(name)]
        assert option.default == given
        assert option.help == field.description
        assert option.rich_help_panel == group_of(name)


def test_a_resume_takes_what_changes_no_result():
    assert parameters("resume").keys() - {"help"} == {"store", "dataset", "retry_failed", *names_in(WHERE)}


def test_switches_that_are_off_have_one_flag_and_one_that_is_on_a_second():
    switches = {
        name: parameters("run")[name] for name in FIELDS if RunOptions.model_fields[name].annotation is bool
    }
    assert {name: option.secondary_opts for name, option in switches.items() if option.secondary_opts} == {
        "final": ["--no-final"]
    }
    assert len(switches) > 4


def test_every_field_says_what_it_is():
    assert set(map(group_of, FIELDS)) == set(GROUPS)
    assert all(field.description for field in RunOptions.model_fields.values())
    assert RunOptions.model_fields["scheme"].annotation == Scheme
    assert get_args(Scheme)


def test_an_option_that_does_not_exist_is_named_with_close_ones():
    with pytest.raises(BadInputError) as caught:
        checked_options(shard_sise=3, colour="red", workers=-1)
    first, second = caught.value.problems[:2]
    assert first == "shard_sise: there is no such option; did you mean shard_size?"
    assert second.startswith("colour: there is no such option; known are methods, targets, ")
    assert any(problem.startswith("--workers: ") for problem in caught.value.problems)


def test_what_python_gives_comes_to_the_same_as_the_command_line():
    assert checked_options("ridge") == checked_options(["ridge", "ridge"]) == RunOptions(methods=("ridge",))
    assert checked_options(targets=["A", "B"]).targets == ("A", "B")
    assert checked_options(targets="A,B").targets == "A,B"
    with pytest.raises(BadInputError, match=r"--shard-size: .* greater than or equal to 1"):
        checked_options(shard_size=0)
    with pytest.raises(BadInputError, match="--method r: unknown"):
        checked_options(["r"])


@pytest.mark.parametrize("command", ["run", "plan"])
def test_help_names_every_method_and_what_it_is(command: str) -> None:
    from typer.testing import CliRunner

    from cluster.cli.app import app
    from tasks.methods.registry import method_named, method_names

    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "400"}).output
    for name in method_names():
        assert f"{name}: {method_named(name).help}" in " ".join(shown.replace("│", " ").split())
