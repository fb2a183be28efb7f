"""`knockcast run`, `resume` and `submit`, and their options: made from the fields of `RunOptions`."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from typer.core import TyperCommand

from cluster.arguments import DatasetArgument, StoreArgument
from cluster.runs.fields import GROUPS, METHODS, WHERE, RunOptions, flag_of, group_of, names_in
from tasks.errors import BadInputError

PLACES = ("store", "dataset", "log", "out")  # parameters that name a place, whatever their type


class CommandOnMethods(TyperCommand):
    """A command whose help names every method, built in or from another package.

    The methods are asked for only when help is shown: importing them takes a second.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Fill in the methods where an option's help says `{methods}`."""
        from tasks.methods.registry import described

        parameters: list[Any] = self.params
        for parameter in parameters:
            text = getattr(parameter, "help", None)
            if text and METHODS in text:
                parameter.help = text.replace(METHODS, described())
        super().format_help(ctx, formatter)


def with_options(command: Callable[..., None], names: Iterable[str]) -> Callable[..., None]:
    """The command, its `**options` spelled out as Typer options: the fields of `RunOptions` so named."""
    own = [
        parameter
        for parameter in inspect.signature(command).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [parameter.replace(kind=keyword) for parameter in own] + [_parameter(name) for name in names]

    @functools.wraps(command)
    def spelled_out(**given: Any) -> None:
        command(**given)

    spelled_out.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spelled_out.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return spelled_out


def _parameter(name: str) -> inspect.Parameter:
    """One field as a parameter that Typer reads: its flag, help, group, type and default."""
    field = RunOptions.model_fields[name]
    option = typer.Option(
        _declaration(name, field.default), help=field.description, rich_help_panel=group_of(name)
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=list(field.default) if isinstance(field.default, tuple) else field.default,
        annotation=Annotated[_typed(field.annotation), option],
    )


def _declaration(name: str, default: Any) -> str:
    """A switch that is on by default has a flag that turns it off; one that is off needs none."""
    flag = flag_of(name)
    return f"{flag}/--no-{flag.removeprefix('--')}" if default is True else flag


def _typed(annotation: Any) -> Any:
    """The type Typer reads. What a field limits is checked later, with all other problems, so not here."""
    kind, arguments = get_origin(annotation), get_args(annotation)
    if kind is tuple:
        return list[str]
    if kind is Literal:
        return str
    if kind in (Union, UnionType):
        first = _typed(arguments[0])
        return first | None if NoneType in arguments else first
    return annotation


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("run", cls=CommandOnMethods)(with_options(run_command, names_in(*GROUPS)))
    app.command("resume")(with_options(resume_command, names_in(WHERE)))
    passing_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("submit", context_settings=passing_on)(with_options(submit, ["insecure"]))


def run_command(
    dataset: DatasetArgument,
    store: Annotated[str, typer.Option("--store", help="The store's folder; made if it does not exist.")],
    **options: Any,
) -> None:
    """Model every target in every fold and commit the results to a store."""
    from cluster.execution.run import run_request
    from cluster.runs.request import request_of

    raise typer.Exit(run_request(request_of(dataset, store, **options)).exit_code)


def resume_command(
    store: StoreArgument,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Where the dataset is now, if it moved.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try quarantined targets again.")
    ] = False,
    **where: Any,
) -> None:
    """Do what is left of a store's runs; nothing is done twice."""
    from cluster.execution.run import resume_store

    raise typer.Exit(resume_store(store, dataset, retry_failed, **where).exit_code)


def submit(
    ctx: typer.Context,
    address: Annotated[str, typer.Option("--address", help="The cluster's jobs address, http://HOST:8265.")],
    follow: Annotated[
        bool,
        typer.Option("--follow/--detach", " /--no-follow", help="Show the job's output to its end, or not."),
    ] = True,
    attach: Annotated[
        str | None,
        typer.Option("--attach", help="Show this job's output from its beginning, and follow it to its end."),
    ] = None,
    logs: Annotated[
        str | None, typer.Option("--logs", help="Show this job's output so far, and end.")
    ] = None,
    stop: Annotated[str | None, typer.Option("--stop", help="Stop this job; it can be resumed.")] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the jobs that Knockcast sent to this cluster.")
    ] = False,
    **options: Any,
) -> None:
    """Run a knockcast command as a Ray job: submit --address URL -- run DATASET --store STORE ..."""
    from cluster.ray_engine import submit as sending
    from cluster.ray_engine.jobs import Jobs

    asked = [given for given in (attach, logs, stop) if given is not None]
    if len(asked) + listing + bool(ctx.args) != 1:
        raise BadInputError(
            "submit: expected one of a command behind `--` (-- run DATASET --store STORE), --attach JOB, "
            "--logs JOB, --stop JOB, and --list"
        )
    if ctx.args:
        check_for_elsewhere(ctx, ctx.args)
    jobs = Jobs(address, options["insecure"])
    if attach is not None:
        raise typer.Exit(jobs.follow(attach, sys.stdout))
    if ctx.args:
        raise typer.Exit(sending.send(jobs, ctx.args, follow))
    if logs is not None:
        typer.echo(jobs.logs(logs), nl=False)
    elif stop is not None:
        ends = "stopping" if jobs.stop(stop) else "had ended already"
        typer.echo(f"{stop}: {ends}; what it committed stays")
    else:
        typer.echo(sending.listed(jobs.listed()), nl=False)


def check_for_elsewhere(ctx: typer.Context, argv: Sequence[str]) -> None:
    """Raise, before anything is sent, for a command line that could not run on another machine.

    The command's own parser refuses what it does not know. BadInputError for a command that is none, and for
    places that are relative: a job runs in a folder of its own, which is removed after it.
    """
    group: Any = ctx.find_root().command
    command = group.get_command(ctx, argv[0])
    if command is None or argv[0] == "submit":
        raise BadInputError(
            f"submit: {argv[0]} is no command that a job can run; `knockcast --help` lists all"
        )
    with command.make_context(argv[0], list(argv[1:]), parent=ctx.find_root()) as parsed:
        given = [
            (parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name.upper(), place)
            for parameter in command.params
            for place in _places(parameter, parsed.params.get(parameter.name))
        ]
    if relative := [f"{name} {place}" for name, place in given if not _is_for_all(place.lstrip("@"))]:
        raise BadInputError(
            [
                f"{each}: a job runs in another folder, on another machine; give a path from / that nodes "
                "see, or s3://BUCKET/PREFIX"
                for each in relative
            ]
        )


def _is_for_all(place: str) -> bool:
    """Whether other machines may find it by this name."""
    return place.startswith("/") or bool(place.removeprefix("s3://").strip("/") and place.startswith("s3://"))


def _places(parameter: Any, value: Any) -> list[str]:
    """The files and folders that a parameter of a command names."""
    values = [] if value is None else value if isinstance(value, (list, tuple)) else [value]
    kind = parameter.type_descriptor.annotation
    if parameter.name in PLACES or kind is Path or Path in get_args(kind):
        return [str(each) for each in values]
    return [each for each in values if parameter.name == "targets" and str(each).startswith("@")]
