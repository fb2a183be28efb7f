"""The command line as its users' scripts see it: names, exit codes, one-line answers."""

import shutil
from pathlib import Path

import pytest

from cluster.cli import app
from tasks.errors import BadInputError
from tests.commands import knockcast
from tests.stores import sorted_tables

BUILT = (
    "import",
    "simulate",
    "plan",
    "run",
    "resume",
    "status",
    "verify",
    "gc",
    "submit",
    "query",
    "gene",
    "compare",
    "figures",
    "predict",
    "demo",
)


@pytest.fixture(scope="module")
def store(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "store"
    asked = ("--method", "modifiers", "--workers", 0, "--folds", 3)
    ended = knockcast("run", small_dataset, "--store", path, *asked)
    assert ended.returncode == 0, ended.stderr
    return path


def test_help_lists_every_built_command():
    ended = knockcast("--help")
    assert ended.returncode == 0
    assert all(f" {name} " in ended.stdout for name in BUILT)


def test_methods_and_presets_that_are_not_built_say_so(small_dataset: Path, tmp_path: Path):
    ended = knockcast(
        "run", small_dataset, "--store", tmp_path / "s", "--method", "lasso", "--preset", "best"
    )
    assert ended.returncode == 2
    assert "--method lasso: unknown; known are modifiers" in ended.stderr
    assert "preset 'best' is not built yet" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "s").exists()


def test_a_problem_of_several_lines_is_one_error(capsys: pytest.CaptureFixture[str]):
    app._report(BadInputError(["no such table\ntables: a, b", "another"]))
    assert capsys.readouterr().err == "error: no such table\n       tables: a, b\nerror: another\n"


@pytest.mark.parametrize("command", ["run", "plan"])
def test_stratified_folds_of_another_method_are_refused(command: str, small_dataset: Path, tmp_path: Path):
    asked = ("--method", "modifiers", "--stratified", "--scheme", "split")
    ended = knockcast(command, small_dataset, "--store", tmp_path / "s", *asked)
    assert ended.returncode == 2
    assert "--stratified: only with --method forest alone, given modifiers" in ended.stderr
    assert "only with --scheme kfold" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "s").exists()


def test_a_scheme_the_dataset_cannot_bear_ends_with_2_and_says_what_to_do(
    small_dataset: Path, tmp_path: Path
):
    ended = knockcast("run", small_dataset, "--store", tmp_path / "s", "--scheme", "lineage")
    assert ended.returncode == 2
    assert "at least 40 cell lines; the largest are" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "no_such_dataset", "--store", "no_such_store"),
        ("status", "no_such_store"),
        ("resume", "no_such_store"),
        ("query", "no_such_store", "SELECT 1"),
        ("import", "no_such_release", "--out", "no_such_out"),
        ("gene", "no_such_store", "TP53"),
    ],
)
def test_what_does_not_exist_ends_with_2_and_no_traceback(arguments: tuple[str, ...], tmp_path: Path):
    ended = knockcast(*arguments)
    assert ended.returncode == 2
    assert "no_such" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_store_is_asked_by_sql(store: Path, tmp_path: Path):
    table = knockcast(
        "query", store, "SELECT target, pearson_pooled FROM genes ORDER BY 2 DESC NULLS LAST LIMIT 3"
    )
    assert table.returncode == 0, table.stderr
    assert "pearson_pooled" in table.stdout
    out = tmp_path / "scores.csv"
    written = knockcast("query", store, "SELECT * FROM scores", "--format", "csv", "--out", out)
    assert written.returncode == 0, written.stderr
    assert len(out.read_text().splitlines()) == 1 + sorted_tables(store)["scores"].num_rows


def test_a_bad_query_ends_with_2(store: Path):
    ended = knockcast("query", store, "SELECT colour FROM genes")
    assert ended.returncode == 2
    assert "colour" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_status_verify_gc_and_gene_answer(store: Path):
    assert "committed" in knockcast("status", store).stdout
    verified = knockcast("verify", store)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert knockcast("gc", store).returncode == 0
    best = (
        knockcast(
            "query",
            store,
            "SELECT target FROM genes ORDER BY pearson_pooled DESC NULLS LAST LIMIT 1",
            "--format",
            "csv",
        )
        .stdout.splitlines()[1]
        .strip('"')
    )
    gene = knockcast("gene", store, best)
    assert gene.returncode == 0, gene.stderr
    assert best in gene.stdout
    unknown = knockcast("gene", store, "NOSUCHGENE")
    assert unknown.returncode == 2
    assert "NOSUCHGENE" in unknown.stderr


def test_verify_finds_a_flipped_bit_and_ends_with_4(store: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    victim = next((copy / "data" / "scores").iterdir())
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(data)
    ended = knockcast("verify", copy)
    assert ended.returncode == 4
    assert victim.name in ended.stdout + ended.stderr
    queried = knockcast("query", copy, "SELECT * FROM scores")
    assert queried.returncode == 4
    assert "Traceback" not in queried.stderr


def test_simulate_import_run_by_command(tmp_path: Path):
    for layout in ("22Q2", "25Q3"):
        where = tmp_path / layout
        simulated = knockcast(
            "simulate", "--out", where / "release", "--cell-lines", 60, "--genes", 60, "--layout", layout
        )
        assert simulated.returncode == 0, simulated.stderr
        imported = knockcast("import", where / "release", "--out", where / "dataset")
        assert imported.returncode == 0, imported.stderr
        assert "gene effect" in imported.stdout


@pytest.mark.long
def test_a_small_demo_is_done_in_process_and_can_be_repeated(tmp_path: Path):
    for done in ("357 units in", "nothing to do"):
        ended = knockcast("demo", "--small", "--out", tmp_path / "demo", "--workers", 0)
        assert ended.returncode == 0, ended.stderr
        assert "best-predicted targets" in ended.stdout
        assert "This release is simulated, so the truth is known. What modifies SIMA" in ended.stdout
        assert "needed more where" in ended.stdout
        assert done in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "STORE", "SELECT 1", "--out", "/proc/x.csv"),
        ("predict", "STORE", "samples.csv", "--out", "/proc/x.csv"),
        ("compare", "STORE", "modifiers", "modifiers", "--out", "/proc/x.csv"),
        ("figures", "STORE", "--out", "/proc/x"),
        ("simulate", "--out", "/proc/x"),
        ("import", "release", "--out", "/proc/x"),
        ("demo", "--out", "/proc/x"),
    ],
)
def test_no_command_starts_work_whose_result_cannot_be_written(arguments: tuple[str, ...], store: Path):
    ended = knockcast(*(store if argument == "STORE" else argument for argument in arguments))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: --out /proc/x")
    assert ended.stderr.splitlines()[0].endswith("cannot be written: the folder /proc takes no new files")
    assert ended.stdout == ""
