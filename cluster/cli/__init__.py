"""The command `knockcast`: names, options and help. Only here do errors become exit codes.

This file runs before anything else of ours, so it imports nothing that takes time or that may be shadowed.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

INTERRUPTED, REFUSED = 130, 5  # as in `cluster.errors`, which may not be imported before `main` has looked
STOPPED = "interrupted; nothing committed is lost, and `knockcast resume STORE` goes on with a run"
BESIDE = ("modeling", "tasks")  # our packages beside this one, by names that others use, too


def main() -> None:
    """Run one command, whatever happens while it is imported.

    Ends with 130 for Ctrl-C and with 5 where another file stands in the way of one of our packages.
    """
    try:
        if problems := shadowed_packages():
            print("\n".join(f"error: {problem}" for problem in problems), file=sys.stderr)
            sys.exit(REFUSED)
        from cluster.cli.app import main as run_command

        run_command()
    except KeyboardInterrupt:
        _end_interrupted()
    except Exception as error:
        if not _is_interruption(error):
            raise
        _end_interrupted()


def shadowed_packages() -> list[str]:
    """What stands in the way of our other packages: a line for each, naming the file; nothing is imported."""
    home = Path(__file__).resolve().parents[2]
    problems = []
    for name in BESIDE:
        spec = find_spec(name)
        if spec is None:
            problems.append(
                f"Knockcast's package {name} is missing: expected {home / name}; install it again"
            )
            continue
        places = list(spec.submodule_search_locations or ()) or [str(spec.origin)]
        found = Path(places[0]).resolve()
        if found != home / name:
            problems.append(
                f"{found} is in the way of Knockcast's own package {name} ({home / name}): rename it, run "
                "from another folder, or take its folder off PYTHONPATH"
            )
    return problems


def _is_interruption(error: BaseException) -> bool:
    """Whether Ctrl-C lies behind an error: some libraries' imports turn it into errors of their own."""
    behind = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt) or (behind is not None and _is_interruption(behind))


def _end_interrupted() -> None:
    print(STOPPED, file=sys.stderr)
    sys.exit(INTERRUPTED)
