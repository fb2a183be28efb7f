"""What a run counts, as Ray's own Prometheus endpoint tells it; the dashboard asks for nothing else."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cluster.ray_engine.runtime import connected
from cluster.runs.planning import make_shards
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation
from cluster.store.units import Unit
from tests.chaos.work import Script, misbehave, prepare
from tests.costs import costs_of
from tests.stores import planned_store

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

UNITS = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1) for i in range(4)]
DASHBOARD = Path(__file__).parents[3] / "deploy" / "grafana" / "knockcast.json"
PATIENCE = 120.0  # seconds until Ray has sent what it holds, every ten seconds
LINE = re.compile(r"^(ray_knockcast_\w+)\{(.*)\} (\S+)$", re.MULTILINE)

LEFT = ("ray_knockcast_units_left", "")
Counted = dict[tuple[str, str], float]  # by name, and the label `kind` or `stage`


class Endpoint(NamedTuple):
    """What a real Ray's endpoint tells, the run's digest, and where it is."""

    found: Counted
    digest: str
    url: str


def queries() -> list[str]:
    """Of every panel of the dashboard."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def told(text: str) -> Counted:
    """Ours of an endpoint's page."""
    found = {}
    for name, labels, value in LINE.findall(text):
        label = re.search(r'(?:kind|stage)="(\w+)"', labels)
        found[name, label.group(1) if label else ""] = float(value)
    return found


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A real Ray's endpoint after a run whose target G3 raises in both folds; and the run's digest."""
    folder = tmp_path_factory.mktemp("metrics")
    writer = planned_store(folder / "store", UNITS)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 2, 2)
    with connected("local", 2):
        import ray

        from cluster.ray_engine.executor import RayExecutor
        from cluster.ray_engine.metrics import COUNTERS, GAUGES, RayMetrics

        script = Script(folder, raises=frozenset({"G3"}))
        executor = RayExecutor(misbehave, Preparation(prepare, script))
        drive(writer, shards, executor, observer=RayMetrics(writer.run_digest))
        (node,) = ray.nodes()
        url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
        end, found = time.monotonic() + PATIENCE, Counted()
        while len({name for name, _ in found}) < len(COUNTERS) + len(GAUGES) or found[LEFT] != 2:
            assert time.monotonic() < end, sorted(found)
            time.sleep(1.0)  # between two looks, until Ray has sent all
            with urllib.request.urlopen(url, timeout=10) as reply:
                text = reply.read().decode()
            found = told(text)
        yield Endpoint(found, writer.run_digest, url)


def test_units_failures_retries_and_quarantine_are_what_happened(counted: Endpoint) -> None:
    found = counted.found
    assert found["ray_knockcast_units", ""] == 8
    assert found["ray_knockcast_units_left", ""] == 2
    assert found["ray_knockcast_units_done_total", ""] == 6
    assert found["ray_knockcast_targets_quarantined_total", ""] == 2
    assert found["ray_knockcast_attempts_failed_total", "error"] == 2 * (1 + 3)
    assert found["ray_knockcast_retries_total", ""] == 2 * 2


def test_stages_and_memory_are_told(counted: Endpoint) -> None:
    found = counted.found
    assert {stage for name, stage in found if name == "ray_knockcast_stage_seconds_total"} >= {"prepare"}
    assert all(value >= 0 for value in found.values())


def test_every_query_of_the_dashboard_names_a_metric_that_is_there(counted: Endpoint) -> None:
    there = {name for name, _ in counted.found}
    asked = queries()
    for expression in asked:
        names = set(re.findall(r"\bray_\w+", expression))
        assert names, expression
        assert names <= there, expression
    everything = " ".join(asked)
    assert [name for name in there if name not in everything] == []


@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="no Prometheus here: its answers were not tried"
)
def test_prometheus_itself_answers_every_query_of_the_dashboard(counted: Endpoint, tmp_path: Path) -> None:
    where = urllib.parse.urlsplit(counted.url).netloc
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: ray, static_configs: [{{targets: ['{where}']}}]}}]\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [f"--web.listen-address={address}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    server = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", *words], stderr=subprocess.DEVNULL
    )
    try:
        for query in queries():
            asked = query.replace("$run", counted.digest[:8] + ".*").replace("$__rate_interval", "30s")
            end = time.monotonic() + PATIENCE
            while not answers(address, asked):
                assert time.monotonic() < end, f"no answer to {asked}"
                time.sleep(0.5)  # between two questions, until two samples are there
    finally:
        server.terminate()
        server.wait()


def answers(address: str, query: str) -> bool:
    """Whether Prometheus finds numbers; a query that it does not understand raises."""
    try:
        words = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"http://{address}/api/v1/query?{words}", timeout=10) as reply:
            return bool(json.load(reply)["data"]["result"])
    except urllib.error.HTTPError:
        raise
    except OSError:  # it has not begun to listen
        return False
