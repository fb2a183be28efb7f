"""The command `knockcast`: names, options and help, no logic. Only here do errors become exit codes."""

import sys

import typer

from cluster.cli import data as commands_data
from cluster.cli import later as commands_later
from cluster.cli import run as commands_run
from cluster.cli import store as commands_store
from cluster.errors import EXIT_CODES, ExitCode
from tasks.errors import BadInputError

app = typer.Typer(
    name="knockcast",
    help="Forecast gene knockouts: per-gene models of CRISPR dependency from expression.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
commands_data.add_to(app)
commands_run.add_to(app)
commands_store.add_to(app)
commands_later.add_to(app)


def main() -> None:
    """Run one command; end with the exit code its outcome has in the contract."""
    try:
        app()
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is not an error of ours.
        sys.stderr.close()
        sys.exit(ExitCode.DONE)
    except tuple(EXIT_CODES) as error:
        _tell(error)
        sys.exit(_exit_code(error))
    except SystemExit as end:  # what Typer makes of everything else, Ctrl-C and a closed pipe included
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(ExitCode.DONE)
        if isinstance(end.__context__, BaseException) and isinstance(
            end.__context__.__cause__, KeyboardInterrupt
        ):
            _tell(end.__context__.__cause__)
        raise


def _exit_code(error: BaseException) -> ExitCode:
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))


def _tell(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        print("interrupted; nothing committed is lost", file=sys.stderr)
        return
    text = error.text() if isinstance(error, BadInputError) else str(error)
    if isinstance(error, OSError):
        text += (
            "\nreading or writing failed; see that the disk has room and the path may be written, then repeat"
        )
    print("\n".join(f"error: {line}" for line in text.splitlines()), file=sys.stderr)


if __name__ == "__main__":
    main()
