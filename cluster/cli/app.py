"""The Typer application: every command is added here, and an error becomes its exit code here."""

import errno
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from cluster.cli import (
    STOPPED,
    answers,
    data,
    demo,
    describe,
    explain,
    explore,
    output,
    plan,
    report,
    run,
    store,
)
from cluster.cli.analyses import compare, enrich, genes, tissues, validate
from cluster.cli.examples import add_examples
from cluster.errors import EXIT_CODES, ExitCode, StuckError, is_out_of_memory
from cluster.store.places.endpoints import checked_endpoint
from tasks.errors import BadInputError

OUT_OF_MEMORY = (
    "error: out of memory; nothing committed is lost: raise the limit (`ulimit -v`, or the container's), "
    "use fewer --workers or a larger machine, then repeat the command"
)
TOO_MANY_FILES = "too many files are open at once: raise `ulimit -n` (64 are enough), then repeat"
NO_ROOM = "reading or writing failed; see that the disk has room and the path may be written, then repeat"

app = typer.Typer(
    name="knockcast",
    help="Predict gene knockouts: per-gene models of CRISPR dependency from expression.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    *(data, describe, plan, run, store, genes, answers, explain),
    *(compare, validate, enrich, tissues, output, explore, report, demo),
):
    module.add_to(app)
add_examples(app)


def main() -> None:
    """Run one command; end with the exit code its outcome has in the contract."""
    try:
        app()
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is not an error of ours.
        sys.stderr.close()
        sys.exit(ExitCode.DONE)
    except StuckError as error:
        _report(error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(
            ExitCode.BAD_INPUT
        )  # Python would end under a library at work, which then complains at length
    except tuple(EXIT_CODES) as error:
        _report(error)
        sys.exit(_exit_code(error))
    except (ImportError, RuntimeError) as error:  # a library's own words for memory that was refused
        if not is_out_of_memory(error):
            raise
        _report(error)
        sys.exit(ExitCode.STORAGE)
    except SystemExit as end:  # what Typer makes of everything else, Ctrl-C and a closed pipe included
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(ExitCode.DONE)
        if isinstance(end.__context__, BaseException) and isinstance(
            end.__context__.__cause__, KeyboardInterrupt
        ):
            _report(end.__context__.__cause__)
        raise


def _exit_code(error: BaseException) -> ExitCode:
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))


def _report(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        print(STOPPED, file=sys.stderr)
        return
    if is_out_of_memory(error):
        print(OUT_OF_MEMORY, file=sys.stderr)
        return
    problems = error.shown() if isinstance(error, BadInputError) else str(error).splitlines()
    if isinstance(error, OSError):
        problems.append(TOO_MANY_FILES if error.errno in (errno.EMFILE, errno.ENFILE) else NO_ROOM)
    for problem in problems:
        print("error: " + "\n       ".join(problem.splitlines()), file=sys.stderr)


def _print_version(asked: bool) -> None:
    if not asked:
        return
    try:
        print(f"knockcast {version('knockcast')}")
    except PackageNotFoundError:
        print("knockcast, not installed: run from its sources")
    raise typer.Exit


@app.callback()
def options_of_every_command(
    asked: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True),
    ] = False,
    endpoint_url: Annotated[
        str | None,
        typer.Option(help="Another S3 server than Amazon's for s3:// addresses (else AWS_ENDPOINT_URL_S3)."),
    ] = None,
) -> None:
    """What stands before a command: it holds for that command, and for the workers it starts."""
    del asked
    if endpoint_url is not None:
        os.environ["AWS_ENDPOINT_URL_S3"] = checked_endpoint("--endpoint-url", endpoint_url)


if __name__ == "__main__":
    main()
