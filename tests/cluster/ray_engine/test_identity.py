"""Which code runs where: sources, libraries and plug-ins that driver and workers must share."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cluster.errors import RefusedError
from cluster.libraries import EXCHANGED, NUMERICAL, UsedPlugin
from cluster.ray_engine import identity, runtime
from cluster.ray_engine.runtime import connected
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation, Requirements
from cluster.scheduling.shards import Job, Shard, name_shard
from cluster.store.units import Unit, fold_level_unit
from modeling.plugins import discover
from tests.chaos.work import commit, prepare
from tests.stores import planned_store


def _package(folder: Path, name: str, text: str) -> ModuleType:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(text)
    module = ModuleType(name)
    module.__path__ = [str(folder / name)]
    return module


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Three small packages in place of ours."""
    modules = {name: _package(tmp_path / "here", name, f"# {name}\n") for name in identity.PACKAGES}
    monkeypatch.setattr(identity, "import_module", modules.__getitem__)
    identity.source_digest.cache_clear()
    yield modules  # type: ignore[misc]
    identity.source_digest.cache_clear()


def test_the_fingerprint_follows_every_source_byte_and_name(
    copies: dict[str, ModuleType], tmp_path: Path
) -> None:
    source = tmp_path / "here" / "tasks" / "__init__.py"

    def digest() -> str:
        identity.source_digest.cache_clear()
        return identity.source_digest()

    first = digest()
    assert digest() == first
    source.write_text("# tasks!\n")
    second = digest()
    source.rename(source.with_name("renamed.py"))
    third = digest()
    (source.parent / "notes.txt").write_text("no source")
    assert len({first, second, third}) == 3
    assert digest() == third


def test_packages_from_two_places_are_refused(copies: dict[str, ModuleType], tmp_path: Path) -> None:
    assert identity.package_folders()[0] == tmp_path / "here" / "modeling"
    copies["tasks"] = _package(tmp_path / "elsewhere", "tasks", "")
    with pytest.raises(RefusedError, match="elsewhere"):
        identity.package_folders()


def test_other_code_or_libraries_are_refused() -> None:
    identity.check_code(identity.fingerprint())
    identity.check_code("")
    with pytest.raises(RefusedError, match=r"driver: source 123(.|\n)*worker: source"):
        identity.check_code("source 123, Python 2.7")


def test_run_json_lists_six_libraries_and_workers_are_asked_for_more() -> None:
    """The six are in the digest of every store there is."""
    assert NUMERICAL == ("numpy", "scipy", "scikit-learn", "numba", "xgboost-cpu", "torch")
    assert set(EXCHANGED) - set(NUMERICAL) == {"pyarrow", "safetensors"}
    assert all(f"{name} " in identity.fingerprint() for name in EXCHANGED)


@pytest.fixture(autouse=True)
def _plugins_looked_for_again() -> Iterator[None]:
    yield
    discover.cache_clear()


def add_to_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Plug-ins are looked for once a process; here packages come in its midst."""
    monkeypatch.syspath_prepend(folder)
    discover.cache_clear()


MINE = UsedPlugin("candidate", "mycand", "mydist", "1.2")


def install(folder: Path, plugin: UsedPlugin) -> None:
    """What installing the plug-in's package leaves in a folder of sys.path."""
    info = folder / f"{plugin.distribution}-{plugin.version}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {plugin.distribution}\nVersion: {plugin.version}\n"
    )
    info.joinpath("entry_points.txt").write_text(
        f"[knockcast.{plugin.kind}s]\n{plugin.name} = {plugin.distribution}:make\n"
    )


def test_a_plugin_that_is_installed_in_the_same_version_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity.check_plugins(())
    method = UsedPlugin("method", "mycand", "other", "3")  # one name may be of both kinds
    for plugin in (MINE, method):
        install(tmp_path, plugin)
    add_to_path(monkeypatch, tmp_path)
    identity.check_requirements(Requirements(identity.fingerprint(), (MINE, method)))


def test_missing_plugins_and_other_versions_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, MINE._replace(version="1.3"))
    add_to_path(monkeypatch, tmp_path)
    monkeypatch.setattr(identity.platform, "node", lambda: "node7")
    with pytest.raises(RefusedError) as refused:
        identity.check_plugins([MINE, MINE._replace(kind="method")])
    assert str(refused.value).splitlines() == [
        "plug-in candidate 'mycand' (mydist 1.2) comes from mydist 1.3 on node7; "
        "install the same version on every node",
        "plug-in method 'mycand' (mydist 1.2) is not installed on node7; install it on every node",
    ]


def test_a_run_in_this_process_is_refused_without_its_plugins() -> None:
    with (
        pytest.raises(RefusedError, match="'mycand'"),
        runtime.open_executor(commit, prepare, None, workers=0, plugins=[MINE]),
    ):
        pass


@pytest.mark.ray
def test_a_worker_without_the_drivers_plugin_refuses_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers get PYTHONPATH as it is when Ray starts; what the driver adds to sys.path later, they lack."""
    from cluster.ray_engine.executor import RayExecutor

    everywhere = UsedPlugin("method", "shared", "shareddist", "1.0")
    install(tmp_path / "everywhere", everywhere)
    install(tmp_path / "driver", MINE)
    add_to_path(monkeypatch, tmp_path / "everywhere")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'everywhere'}:{Path(identity.__file__).parents[2]}")
    units = [Unit("modifiers", "G1", 0)]
    writer = planned_store(tmp_path / "store", units)
    shards = [name_shard(writer.run_digest, units)]

    def executor(*plugins: UsedPlugin) -> RayExecutor:
        return RayExecutor(commit, Preparation(prepare, None, Requirements("", plugins)))

    with connected("local", workers=1):
        add_to_path(monkeypatch, tmp_path / "driver")
        identity.check_plugins([everywhere, MINE])
        with pytest.raises(RefusedError, match=r"candidate 'mycand' \(mydist 1.2\) is not installed on"):
            drive(writer, shards, executor(everywhere, MINE))
        with pytest.raises(RefusedError, match=r"method 'shared' \(shareddist 2\) comes from shareddist 1.0"):
            drive(writer, shards, executor(everywhere._replace(version="2")))
        for checkpointed in (True, False):  # by an actor, by a task that needs nothing prepared
            shard = Shard("a" * 64, (fold_level_unit("latent", 0),), checkpointed=checkpointed)
            alone = executor(MINE)
            alone.start(Job(shard, 1, writer.fs.name, writer.run_digest))
            with pytest.raises(RefusedError, match="'mycand'"):
                alone.wait(60.0)
            alone.close()
        outcome = drive(writer, shards, executor(everywhere))
    assert (outcome.done, outcome.failures, outcome.sealed) == (1, 0, True)
