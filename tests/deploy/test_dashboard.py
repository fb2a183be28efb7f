"""The Grafana dashboard by Grafana's own types, as its developers generate them from its schemas."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "knockcast.json"
KINDS = {"stat", "timeseries"}  # of panels: those that every Grafana has


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def read_and_written_again(dashboard: dict[str, Any]) -> Any:
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))


def lost(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """The places of `before` that `after` lacks, or has otherwise."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from lost(value, after.get(name), f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{place}[{i}]")
    elif before != after:
        yield place


def test_grafana_knows_every_field(written: dict[str, Any]) -> None:
    assert list(lost(written, read_and_written_again(written))) == []
    assert {panel["type"] for panel in written["panels"]} == KINDS


def test_a_field_that_grafana_does_not_know_is_found(written: dict[str, Any]) -> None:
    panel, *others = written["panels"]
    misspelt = panel | {"fieldConfig": {"defaults": {"units": "s"}}, "transparant": True}
    found = lost(
        written | {"panels": [misspelt, *others]},
        read_and_written_again(written | {"panels": [misspelt, *others]}),
    )
    assert list(found) == [".panels[0].fieldConfig.defaults.units", ".panels[0].transparant"]


def test_panels_do_not_overlap_and_read_the_data_source_that_is_chosen(written: dict[str, Any]) -> None:
    taken = [
        (x, y)
        for panel in written["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24  # columns of Grafana's grid
    variables = {f"${{{variable['name']}}}" for variable in written["templating"]["list"]}
    assert {panel["datasource"]["uid"] for panel in written["panels"]} <= variables
