"""`knockcast submit`: a command of ours as a Ray job, with its code or where it is installed.

What a job is sent as: the shell line that finds Python (or `knockcast`) on the head, and either our source
or the word that every node has the wheel.
"""

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.errors import ExitCode
from cluster.ray_engine.identity import code_to_ship, is_installed
from cluster.ray_engine.jobs import ADDRESS, JobLine, Jobs
from cluster.ray_engine.runtime import IN_A_JOB, where_buckets_are
from tasks.errors import BadInputError

USES_THE_CLUSTER = ("run", "resume", "plan")  # commands that take --address; a job's own cluster is `auto`


def send(jobs: Jobs, argv: Sequence[str], follow: bool) -> int:
    """Start `knockcast argv` on the cluster and follow it, or say how to; returns the exit status.

    Standard output holds what the job says; of a job that is not followed its name alone, for scripts.
    """
    job = submit(jobs, argv)
    print(f"job {job}: {jobs.words('--attach', job)} (or --logs, --stop {job})", file=sys.stderr, flush=True)
    if follow:
        return jobs.follow(job, sys.stdout)
    print(job, flush=True)
    return ExitCode.DONE


def submit(jobs: Jobs, argv: Sequence[str]) -> str:
    """Start `knockcast argv` on the cluster; returns the job's name."""
    line = entrypoint(argv)
    with code_to_ship() as code:
        variables = {"env_vars": where_buckets_are(os.environ)}
        return jobs.send(line, shlex.join(argv), {**code, **variables})


def listed(lines: Sequence[JobLine]) -> str:
    """The jobs of a cluster for people, one a line."""
    if not lines:
        return "no job of Knockcast is known there\n"
    return "".join(
        f"{line.name}  {_status(line):<14}  {_length(line):>9}  {line.command}\n" for line in lines
    )


def own_job(environment: Mapping[str, str]) -> dict[str, str] | None:
    """The submitted job that this process is the driver of: its `name`, and the `address` it was sent to.

    None outside jobs. The address is "" where another program than ours has sent it.
    """
    try:
        metadata = json.loads(environment.get(IN_A_JOB, "{}")).get("metadata", {})
        name = metadata.get("job_submission_id")
    except (ValueError, AttributeError):
        return None
    return {"name": str(name), "address": str(metadata.get(ADDRESS, ""))} if name else None


def entrypoint(argv: Sequence[str]) -> str:
    """The shell line a job runs, every word quoted. Raises BadInputError without a command."""
    if not argv:
        raise BadInputError(
            "nothing to submit: knockcast submit --address URL -- run DATASET --store STORE ..."
        )
    if is_installed():
        command, words = _found(Path(sys.executable).with_name("knockcast"), "knockcast"), list(argv)
    else:
        command, words = _found(Path(sys.executable), "python3", "python"), ["-m", "cluster", *argv]
    if argv[0] in USES_THE_CLUSTER and not any(word.split("=")[0] == "--address" for word in argv):
        words += ["--address", "auto"]
    return f"{command} {shlex.join(words)}"


def _found(here: Path, *names: str) -> str:
    """A program as the job's shell finds it: where it lies here, if the head has it there, else by name.

    The head may have no environment active, so that names alone would find another Python or none.
    """
    path = shlex.quote(str(here))
    by_name = " || ".join(f"command -v {name}" for name in names)
    return f'"$(if test -x {path}; then echo {path}; else {by_name} || echo {names[-1]}; fi)"'


def _status(line: JobLine) -> str:
    return line.status if line.exit_code is None else f"{line.status} ({line.exit_code})"


def _length(line: JobLine) -> str:
    if line.began is None:
        return ""
    seconds = max(0.0, (line.ended or time.time()) - line.began)
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
