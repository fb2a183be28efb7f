"""What is sent as a Ray job, and what is refused before anything is; `test_jobs` sends it to a cluster."""

import asyncio
import io
import json
import re
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ClusterError, RefusedError
from cluster.ray_engine import addresses, jobs, submit
from cluster.ray_engine.jobs import Copied, Jobs
from cluster.ray_engine.runtime import IN_A_JOB
from tasks.errors import BadInputError
from tests.commands import knockcast
from tests.promises import Measured


@pytest.fixture
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_token")
def test_an_open_address_is_refused_without_a_token() -> None:
    with pytest.raises(RefusedError, match="RAY_AUTH_TOKEN"):
        Jobs("http://192.0.2.7:8265")


@pytest.mark.usefixtures("no_token")
def test_mode_token_without_a_token_is_told_as_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RefusedError, match="a token is wanted, and none was given; give the cluster's token"):
        Jobs("http://127.0.0.1:1")


def test_a_listener_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "QUESTION_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BadInputError, match=r"no Ray dashboard answers there .*timed out"):
            Jobs(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "auto",
        "192.0.2.7:8265",
        "ray://192.0.2.7:10001",
        "http://",
        "http://192.0.2.7:99999",
        "http://192.0.2.7:x",
    ],
)
def test_an_address_that_is_no_url_is_bad_input(address: str) -> None:
    with pytest.raises(BadInputError, match="URL of a Ray dashboard"):
        Jobs(address, insecure=True)


def test_words_are_quoted_and_the_job_uses_its_own_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "is_installed", lambda: True)
    assert submit.entrypoint(["run", "my data", "--store", "s; rm -rf /"]).endswith(
        " || echo knockcast; fi)\" run 'my data' --store 's; rm -rf /' --address auto"
    )
    assert submit.entrypoint(["status", "s"]).endswith(
        '/knockcast; else command -v knockcast || echo knockcast; fi)" status s'
    )
    assert submit.entrypoint(["plan", "d", "--calibrate"]).endswith(" plan d --calibrate --address auto")
    assert submit.entrypoint(["resume", "s", "--address=local"]).endswith(" resume s --address=local")
    monkeypatch.setattr(submit, "is_installed", lambda: False)
    assert submit.entrypoint(["status", "s"]).endswith('" -m cluster status s')
    with pytest.raises(BadInputError, match="nothing to submit"):
        submit.entrypoint([])


def test_a_token_comes_from_the_environment_or_the_file_it_names(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from file\n")
    assert addresses.token_of({}) is None
    assert addresses.token_of({"RAY_AUTH_TOKEN": "direct", "RAY_AUTH_TOKEN_PATH": str(file)}) == "direct"
    assert addresses.token_of({"RAY_AUTH_TOKEN_PATH": str(file)}) == "from file"
    with pytest.raises(BadInputError, match="cannot be read"):
        addresses.token_of({"RAY_AUTH_TOKEN_PATH": str(tmp_path / "absent")})
    assert addresses.token_of({"RAY_AUTH_TOKEN": "direct\n"}) == "direct"


def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match=r"token: cannot be read \(it is no text\)"):
        addresses.token_of({"RAY_AUTH_TOKEN_PATH": str(file)})
    with pytest.raises(BadInputError, match="RAY_AUTH_TOKEN: expected one line") as refused:
        addresses.token_of({"RAY_AUTH_TOKEN": "secret\nsecret"})
    assert "secret" not in str(refused.value)


class Answers(BaseHTTPRequestHandler):
    """Answers where Ray's version is asked for (unless it has none), and has an error for all else."""

    version = True

    def do_GET(self) -> None:
        known = self.version and self.path.endswith("/api/version")
        self.send_response(200 if known else 500)
        self.end_headers()
        self.wfile.write(json.dumps({"version": "4", "ray_version": "2.60.0", "ray_commit": ""}).encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Not to the tests' output."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of such a server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.usefixtures("no_token")
def test_another_server_and_a_cluster_in_trouble_are_said_to_be_that() -> None:
    other = type("Other", (Answers,), {"version": False})
    with served(other) as address, pytest.raises(BadInputError, match="no Ray dashboard answers there"):
        Jobs(address)
    with served(Answers) as address:
        jobs = Jobs(address)
        for asked in (jobs.listed, lambda: jobs.logs("job"), lambda: jobs.stop("job")):
            with pytest.raises(ClusterError, match="the cluster does not answer as it should"):
                asked()


def test_the_jobs_python_is_found_where_no_environment_is_active(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, measured: Measured
) -> None:
    monkeypatch.setattr(submit, "is_installed", lambda: False)
    fake = tmp_path / "my env" / "python"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho here $@\n")
    fake.chmod(0o755)
    monkeypatch.setattr(submit.sys, "executable", str(fake))

    def output() -> str:
        line = submit.entrypoint(["status", "s"])
        command, path = ["/bin/sh", "-c", line], {"PATH": str(tmp_path)}
        done = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
        return done.stdout or done.stderr

    assert output() == "here -m cluster status s\n"
    fake.rename(tmp_path / "python3")  # the head has it elsewhere
    assert output() == "here -m cluster status s\n"
    (tmp_path / "python3").unlink()
    assert "python" in output()
    assert "not found" in output()
    measured(places_it_was_found_in=2)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["run", "/d", "--store", "s"], "--store s: a job runs in another folder"),
        (["run", "/d", "--store", "s3://"], "--store s3://: a job runs in another folder"),
        (["run", "d", "--store", "s3://bucket/s"], "DATASET d: a job runs in another folder"),
        (["run", "/d", "--store", "/s", "--targets", "@genes.txt"], "--targets @genes.txt: a job"),
        (["predict", "/s", "tpm.csv", "--out", "/out.csv"], "tpm.csv: a job runs in another folder"),
        (["run", "/d", "--store", "/s", "--fold", "3"], "No such option"),
        (["run", "/d"], "Missing option"),
        (["import", "/release", "--out", "x"], "--out x: a job runs in another folder"),
        (["import", "/r", "--out", "/x", "--mutations", "m.csv"], "--mutations m.csv: a job runs"),
        (["enrich", "/s", "--gene-sets", "/a.gmt", "--gene-sets", "b.gmt"], "--gene-sets b.gmt: a job"),
        (["walk", "/d"], "walk is no command that a job can run"),
        (["submit", "--list"], "submit is no command that a job can run"),
        ([], "expected one of a command behind `--`"),
    ],
)
@pytest.mark.usefixtures("no_token")
def test_what_could_not_run_elsewhere_is_refused_before_anything_is_sent(words: list[str], why: str) -> None:
    """Nobody listens at that address: a look there would be refused for another reason."""
    ended = knockcast("submit", "--address", "http://192.0.2.7:8265", "--", *words)
    assert ended.returncode == 2
    assert why in " ".join(ended.stderr.replace("\u2502", " ").split())


@pytest.mark.parametrize(
    "words",
    [
        ["--list", "--", "status", "/s"],
        ["--attach", "a", "--stop", "a"],
        ["--attach", "", "--list"],
        ["--stop", "", "--", "status", "/s"],
    ],
)
def test_submit_does_one_thing_at_a_time(words: list[str]) -> None:
    ended = knockcast("submit", "--address", "http://127.0.0.1:1", *words)
    assert ended.returncode == 2
    assert "expected one of" in ended.stderr


def test_places_that_all_nodes_see_may_be_sent() -> None:
    """They pass the check, so that the address is looked at: nothing listens there."""
    words = ["run", "/d", "--store", "s3://bucket/s", "--targets", "@/genes.txt"]
    ended = knockcast("submit", "--address", "http://127.0.0.1:1", "--", *words)
    assert ended.returncode == 2
    assert "no Ray dashboard answers there" in ended.stderr


def test_a_driver_knows_which_job_it_is() -> None:
    ours = {"metadata": {"job_submission_id": "knockcast-1", "knockcast_address": "http://head:8265"}}
    assert submit.own_job({IN_A_JOB: json.dumps(ours)}) == {
        "name": "knockcast-1",
        "address": "http://head:8265",
    }
    others = {"metadata": {"job_submission_id": "raysubmit_1"}}
    assert submit.own_job({IN_A_JOB: json.dumps(others)}) == {"name": "raysubmit_1", "address": ""}
    assert submit.own_job({}) is None
    assert submit.own_job({IN_A_JOB: '{"runtime_env": {}}'}) is None
    assert submit.own_job({IN_A_JOB: "[1"}) is None


def test_output_sent_again_from_its_beginning_is_copied_once() -> None:
    """As after a lost connection: what was sent before is cut into other pieces, or not whole yet."""

    async def sent(*texts: str) -> AsyncIterator[str]:
        for text in texts:
            yield text

    out = io.StringIO()
    copied = Copied(out)
    for texts in (("one\n", "tw"), ("on",), (), ("one\ntwo", "\nthree\n"), ("one\ntwo\nthree\nfour\n",)):
        asyncio.run(copied.take(sent(*texts)))
    assert out.getvalue() == "one\ntwo\nthree\nfour\n"
    copied.add("one\ntwo\nthree\nfour\nfive\n")
    assert out.getvalue() == "one\ntwo\nthree\nfour\nfive\n"


class Takes(Answers):
    """Takes every job, and has its code already."""

    def do_GET(self) -> None:
        if self.path.endswith("/api/version"):
            super().do_GET()
        else:
            self._say({})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say({"job_id": "1", "submission_id": "1"})

    def _say(self, what: dict[str, str]) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(what).encode())


@pytest.mark.usefixtures("no_token")
def test_of_a_job_that_is_not_followed_standard_output_is_its_name() -> None:
    with served(Takes) as address:
        sent = knockcast("submit", "--address", address, "--detach", "--", "status", "/store")
    assert sent.returncode == 0, sent.stderr
    assert re.fullmatch(r"knockcast-\d{8}-\d{6}-[0-9a-f]{6}\n", sent.stdout)
    assert f"knockcast submit --address {address} --attach {sent.stdout.strip()} (or --logs" in sent.stderr


class Gone:
    """A client of a head that answers, of a job whose node has gone and taken its output along."""

    def get_job_info(self, job: str) -> Any:
        from ray.job_submission import JobDetails

        known = {"type": "SUBMISSION", "submission_id": job, "entrypoint": ""}
        return JobDetails(**known, status="FAILED", message="gone")

    def tail_job_logs(self, job: str) -> AsyncIterator[str]:
        raise RuntimeError("cannot connect to host")

    get_job_logs = tail_job_logs


def test_a_job_whose_output_has_gone_with_its_node_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    followed = object.__new__(Jobs)
    followed._client = Gone()  # type: ignore[assignment]
    assert followed.follow("it", io.StringIO()) == jobs.LOST
    said = capsys.readouterr().err
    assert said == "job it: its output cannot be had: cannot connect to host\njob it: FAILED gone\n"
