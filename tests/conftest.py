"""What every test may use: the real data, where it is present."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import scipy.linalg  # noqa: F401  # its BLAS must be loaded to be held to a thread
from threadpoolctl import threadpool_limits

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


# A core has its test already: a second thread of torch would wait for it, which takes a core's time, too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell ignores Ctrl-C in what it starts in the background, and so would every command that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that may take long come first, so that no core is left alone with one in the end."""
    longest: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        seconds = float(mark.args[0]) if mark is not None else 0.0
        longest[item.path] = max(seconds, longest.get(item.path, 0.0))
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Twins multiply small matrices, and a core has its process already: threads would wait for each other.

    Tests of what threads change set their own number.
    """
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real DepMap-derived matrices; the test skips, loudly, where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real data not found at {REAL_DATA}: this test did not run")
    return REAL_DATA


@pytest.fixture
def annotations_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside tests: for what the code itself says of arguments that its annotations forbid."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dataset of a small simulated release: 150 cell lines, 120 genes, missing blocks and all."""
    from tasks.importing.importer import import_release
    from tasks.simulation.simulate import simulate_release

    folder = tmp_path_factory.mktemp("small")
    simulate_release(folder / "release", cell_lines=150, genes=120, layout="24Q4", seed=3)
    import_release(folder / "release", out=folder / "dataset")
    return folder / "dataset"


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """For what a test counted: `measured(kills=20)`; printed in the end, and shown in docs/reliability.md."""

    def say(**counts: float) -> None:
        for name, value in counts.items():
            record_property(name.replace("_", " "), value)

    return say


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests have measured, a line each."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    told = [each for each in reports if getattr(each, "when", "") == "teardown" and each.user_properties]
    if told:
        terminalreporter.section("measured")
    for report in sorted(told, key=lambda each: each.nodeid):
        said = ", ".join(f"{value} {name}" for name, value in report.user_properties)
        terminalreporter.write_line(f"{report.nodeid}: {said}")
