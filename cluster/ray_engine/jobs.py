"""The Ray jobs of one cluster: send one, follow its output through lost connections, list and stop them.

A cluster's jobs address runs whatever is sent to it, so a non-loopback one is used only with a token.
"""

import asyncio
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeVar
from urllib.parse import urlsplit

from cluster.errors import ClusterError, ExitCode, RefusedError
from cluster.ray_engine.addresses import advice, auth_mode, is_loopback, token_of
from cluster.ray_engine.runtime import ALWAYS, set_environment
from tasks.errors import BadInputError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

COMMAND, ADDRESS = "knockcast", "knockcast_address"  # what a job's metadata say: its words, and who was asked
JOB = re.compile(r"[\w.:-]+")  # what a job can be called
LOST = 1  # the exit status of following where Ray does not know the command's
PATIENCE = 120.0  # seconds without an answer after which following ends
# These log a line for every package sent and every connection closed.
TALKERS = ("ray", "ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk")
QUESTION_SECONDS, UPLOAD_SECONDS = 20.0, 300.0  # for which an answer is waited for
SILENCE = 60.0  # seconds without output after which is asked whether the job, and its head, are still there
ASK_AGAIN = 1.0  # seconds between two questions

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class JobLine:
    """One job of a cluster as `--list` shows it; `began` and `ended` are Unix seconds, None where unknown."""

    name: str
    status: str
    exit_code: int | None
    began: float | None
    ended: float | None
    command: str


class Jobs:
    """The jobs of one cluster, by the URL of its dashboard (http://HOST:8265).

    Raises BadInputError where that is no URL, nothing answers, or a job is not there; RefusedError for an
    open address without a token (unless `insecure`) and where the cluster refuses the token; ClusterError
    where it does not do what it was asked.
    """

    def __init__(self, address: str, insecure: bool = False) -> None:
        host = _host_of(address)
        token = token_of(os.environ)
        if not (token or insecure or is_loopback(host)):
            raise RefusedError(
                f"{address}: refused without a token, as anyone could send jobs there; {advice()}"
            )
        self._address = address
        self._client = self._connect({"Authorization": f"Bearer {token}"} if token else {})

    def send(self, line: str, command: str, runtime_env: Mapping[str, Any]) -> str:
        """Start a shell line; returns the job's name, which is ours, so that a lost answer loses no job."""
        name = f"knockcast-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        metadata = {COMMAND: command, ADDRESS: self._address}
        try:
            self._client.submit_job(
                entrypoint=line, submission_id=name, metadata=metadata, runtime_env=dict(runtime_env)
            )
        except (RuntimeError, OSError) as error:
            raise ClusterError(
                f"{self._address}: job {name} was not taken, or the answer was lost ({_first_line(error)}); "
                f"knockcast submit --address {self._address} --list says which"
            ) from error
        return name

    def follow(self, job: str, out: TextIO) -> int:
        """Copy the job's output to `out`, from its beginning to its end; returns its command's exit status.

        A lost connection is taken up again where it broke off. Ctrl-C stops the copying, not the job.
        """
        copied, heard = Copied(out), time.monotonic()
        try:
            while True:
                try:
                    has_ended = self._info(job).status.is_terminal()
                    try:
                        self._copy(job, copied, has_ended)
                    finally:
                        heard = time.monotonic()  # it was there until the connection ended
                    info = self._info(job)
                    if info.status.is_terminal():
                        return self._exit_status(job, info)
                except _lost() as error:
                    if time.monotonic() - heard > PATIENCE:
                        raise self._given_up(job, error) from error
                time.sleep(ASK_AGAIN)
        except KeyboardInterrupt:
            print(
                f"job {job} continues: {self.words('--attach', job)} (or --stop {job} to end it)",
                file=sys.stderr,
            )
            return ExitCode.INTERRUPTED

    def _copy(self, job: str, copied: "Copied", has_ended: bool) -> None:
        """Copy what comes, until the connection ends; where none can be made, all that there is by now.

        Of a job that has ended nothing more can be waited for: its output may have gone with its node.
        """
        try:
            # Within another loop, as in a notebook, it is never begun; closed, it is not complained of.
            with closing(copied.take(self._client.tail_job_logs(job))) as following:
                asyncio.run(following)
        except _lost():
            try:
                copied.add(self._ask(lambda: self._client.get_job_logs(job), job))
            except _lost() as error:
                if not has_ended:
                    raise
                print(f"job {job}: its output cannot be had: {_first_line(error)}", file=sys.stderr)

    def logs(self, job: str) -> str:
        """All output of the job so far."""
        text: str = self._answer(lambda: self._client.get_job_logs(job), job)
        return text

    def stop(self, job: str) -> bool:
        """Ask the job to end, as Ctrl-C would; False where it had ended."""
        return bool(self._answer(lambda: self._client.stop_job(job), job))

    def listed(self) -> list[JobLine]:
        """The jobs that Knockcast has sent to this cluster, the last first."""
        found = self._answer(self._client.list_jobs)
        ours = [(each, each.metadata or {}) for each in found if each.submission_id]
        lines = [
            JobLine(
                str(each.submission_id),
                str(each.status.value).lower(),
                each.driver_exit_code,
                each.start_time / 1e3 if each.start_time else None,
                each.end_time / 1e3 if each.end_time else None,
                metadata[COMMAND],
            )
            for each, metadata in ours
            if COMMAND in metadata
        ]
        return sorted(lines, key=lambda line: (line.began or 0.0, line.name), reverse=True)

    def words(self, option: str, job: str) -> str:
        """The command that does something with a job."""
        return f"knockcast submit --address {self._address} {option} {job}"

    def _ask(self, question: Callable[[], Answer], job: str | None = None) -> Answer:
        """The cluster's answer; BadInputError where it has no such job, or none could be called that."""
        if job is None or JOB.fullmatch(job):  # it becomes a part of the address that is asked
            try:
                return question()
            except RuntimeError as error:
                if "does not exist" not in str(error):
                    raise
        raise BadInputError(f"{self._address}: no job {job} is known there; --list shows those that are")

    def _answer(self, question: Callable[[], Answer], job: str | None = None) -> Answer:
        """The same, asked once: ClusterError where there is no answer."""
        try:
            return self._ask(question, job)
        except _lost() as error:
            raise ClusterError(
                f"{self._address}: the cluster does not answer as it should ({_first_line(error)}); try "
                "again, and look at the head's log if that does not help"
            ) from error

    def _info(self, job: str) -> Any:
        return self._ask(lambda: self._client.get_job_info(job), job)

    def _given_up(self, job: str, error: BaseException) -> ClusterError:
        return ClusterError(
            f"{self._address}: no answer for {PATIENCE:.0f} s ({_first_line(error)}); job {job} goes on as "
            f"long as its cluster does: {self.words('--attach', job)}; once that has gone, `knockcast submit "
            "--address OTHER -- resume STORE` does what is left"
        )

    def _exit_status(self, job: str, info: Any) -> int:
        if info.driver_exit_code is not None:
            code = int(info.driver_exit_code)
            return code if code >= 0 else 128 - code  # as a shell says that a signal ended it
        if info.status == "STOPPED":
            print(f"job {job}: stopped; what it committed stays, a resume does the rest", file=sys.stderr)
            return ExitCode.INTERRUPTED
        print(f"job {job}: {info.status.value} {info.message or ''}", file=sys.stderr)
        return LOST

    def _connect(self, headers: dict[str, str]) -> "JobSubmissionClient":
        set_environment({**ALWAYS, "RAY_AUTH_MODE": auth_mode(os.environ)})
        from ray.exceptions import AuthenticationError  # noqa: PLC0415 - Ray comes after its settings

        client = _client_that_waits_no_longer()  # whose import sets what its logger says
        for talker in TALKERS:
            logging.getLogger(talker).setLevel(logging.WARNING)
        try:
            return client(self._address, headers=headers)
        # No connection, no answer in time, or that of another server.
        except (OSError, RuntimeError, ValueError, LookupError) as error:
            raise BadInputError(
                f"--address {self._address}: no Ray dashboard answers there ({_first_line(error)}); start "
                "the head with --include-dashboard=true, and give http://HOST:8265, or http://127.0.0.1:8265 "
                "through `ssh -L 8265:127.0.0.1:8265 HOST` where it listens on loopback only"
            ) from error
        except AuthenticationError as error:
            why = "the cluster refused our token" if headers else "a token is wanted, and none was given"
            raise RefusedError(f"{self._address}: {why}; {advice()}") from error


def _client_that_waits_no_longer() -> type["JobSubmissionClient"]:
    """Ray's client, with a time limit on its requests: itself it waits for an answer for ever."""
    from ray.job_submission import JobSubmissionClient  # noqa: PLC0415 - Ray comes after its settings

    class Client(JobSubmissionClient):
        def _do_request(self, method: str, endpoint: str, **more: Any) -> Any:
            timeout = QUESTION_SECONDS if method == "GET" else UPLOAD_SECONDS
            return super()._do_request(method, endpoint, **{"timeout": timeout, **more})

    return Client


class Copied:
    """Output that is written on, each character once, however often it is sent from its beginning."""

    def __init__(self, out: TextIO) -> None:
        self.characters = 0
        self._out = out

    async def take(self, texts: Any) -> None:
        """Write what of these texts, which begin at the beginning, was not written yet.

        TimeoutError where nothing comes for long: a head that vanished breaks no connection off.
        """
        sent = 0
        with suppress(StopAsyncIteration):
            while True:
                text = await asyncio.wait_for(anext(texts), SILENCE)
                self.add(text, sent)
                sent += len(text)

    def add(self, text: str, place: int = 0) -> None:
        """Write what of this text, which begins at that place, was not written yet."""
        new = text[max(0, self.characters - place) :]
        if new:
            self._out.write(new)
            self._out.flush()
            self.characters = place + len(text)


def _lost() -> tuple[type[BaseException], ...]:
    """What is raised where a cluster does not answer: its head may be busy, restarting, or gone."""
    import aiohttp  # noqa: PLC0415 - only for clusters

    return (RuntimeError, OSError, aiohttp.ClientError, TimeoutError)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _host_of(address: str) -> str:
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        is_one = False
    if not is_one:
        raise BadInputError(
            f"--address {address}: expected the URL of a Ray dashboard, such as http://127.0.0.1:8265"
        )
    return str(parts.hostname)
