"""Run a knockcast command on a cluster as a Ray job; follow it, read its output, or stop it.

A cluster's jobs address runs whatever is sent to it, so a non-loopback one is used only with a token.
"""

import asyncio
import logging
import os
import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import urlsplit

from cluster.errors import ExitCode, RefusedError
from cluster.ray_engine.addresses import ADVICE, auth_mode, is_loopback, token_of
from cluster.ray_engine.identity import code_to_ship, is_installed
from cluster.ray_engine.runtime import ALWAYS, set_environment, where_buckets_are
from tasks.errors import BadInputError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

USES_THE_CLUSTER = ("run", "resume")  # commands that take --address; a job's own cluster is `auto`
LOST = 1  # the exit status of following where Ray does not know the command's


def submit_command(
    address: str, argv: Sequence[str], follow: bool, logs: str | None, stop: str | None, insecure: bool
) -> int:
    """`knockcast submit`: send a command, or show (`logs`) or `stop` a job; returns the exit status."""
    jobs = Jobs(address, insecure)
    if logs is not None:
        print(jobs.logs(logs), end="")
        return ExitCode.DONE
    if stop is not None:
        print(f"{stop}: {'stopping' if jobs.stop(stop) else 'had ended already'}; what it committed stays")
        return ExitCode.DONE
    job = jobs.submit(argv)
    print(f"job {job}; knockcast submit --address {address} --logs {job} (or --stop {job})", file=sys.stderr)
    return jobs.follow(job, sys.stdout) if follow else ExitCode.DONE


class Jobs:
    """The jobs of one cluster, by the URL of its dashboard (http://HOST:8265).

    Raises BadInputError where that is no URL or nothing answers, RefusedError for an open address without a
    token (unless `insecure`) and where the cluster refuses the token.
    """

    def __init__(self, address: str, insecure: bool = False) -> None:
        host = _host_of(address)
        token = token_of(os.environ)
        if not (token or insecure or is_loopback(host)):
            raise RefusedError(
                f"{address}: refused without a token, as anyone could send jobs there; {ADVICE}"
            )
        self._address = address
        self._client = self._connect({"Authorization": f"Bearer {token}"} if token else {})

    def submit(self, argv: Sequence[str]) -> str:
        """Start `knockcast argv` on the cluster; returns the job's id."""
        line = entrypoint(argv)
        with code_to_ship() as code:
            variables = {"env_vars": where_buckets_are(os.environ)}
            job: str = self._client.submit_job(entrypoint=line, runtime_env={**code, **variables})
        return job

    def follow(self, job: str, out: TextIO) -> int:
        """Copy the job's output to `out` until it ends; returns the exit status of its command.

        Ctrl-C stops the copying, not the job.
        """
        try:
            asyncio.run(_copy(self._client.tail_job_logs(job), out))
        except KeyboardInterrupt:
            print(f"job {job} continues; --logs {job} shows it, --stop {job} ends it", file=sys.stderr)
            return ExitCode.INTERRUPTED
        info = self._client.get_job_info(job)
        if info.driver_exit_code is None:
            print(f"job {job}: {info.status} {info.message or ''}", file=sys.stderr)
            return LOST
        return int(info.driver_exit_code)

    def logs(self, job: str) -> str:
        """All output of the job so far."""
        text: str = self._client.get_job_logs(job)
        return text

    def stop(self, job: str) -> bool:
        """Ask the job to end, as Ctrl-C would; False where it had ended."""
        return bool(self._client.stop_job(job))

    def _connect(self, headers: dict[str, str]) -> "JobSubmissionClient":
        set_environment({**ALWAYS, "RAY_AUTH_MODE": auth_mode(os.environ)})
        from ray.exceptions import AuthenticationError  # noqa: PLC0415 - Ray comes after its settings
        from ray.job_submission import JobSubmissionClient  # noqa: PLC0415 - the same

        logging.getLogger("ray").setLevel(logging.WARNING)  # not a line for every package sent
        try:
            return JobSubmissionClient(self._address, headers=headers)
        except ConnectionError as error:
            raise BadInputError(
                f"--address {self._address}: no Ray dashboard answers there ({error}); start the head with "
                "--include-dashboard=true, and give http://HOST:8265"
            ) from error
        except AuthenticationError as error:
            raise RefusedError(f"{self._address}: the cluster refused our token; {ADVICE}") from error


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


def _host_of(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInputError(
            f"--address {address}: expected the URL of a Ray dashboard, such as http://127.0.0.1:8265"
        )
    return parts.hostname


async def _copy(lines: AsyncIterator[str], out: TextIO) -> None:
    async for text in lines:
        out.write(text)
        out.flush()
