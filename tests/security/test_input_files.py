"""Files of any content, as samples or as a release: read, or refused in words with nothing written."""

import gzip
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.results.prediction_files import predict_file
from cluster.store.units import FINAL_FOLD
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.importing.importer import import_release
from tasks.scoring.model_rows import model_checksum
from tasks.tables.schemas import table_of
from tests.made_stores import made_commit, made_writer, units_of
from tests.promises import Measured

LINES, GENES = [f"ACH-{i:06d}" for i in range(6)], ["M1", "M2", "M3", "TP53 (7157)"]
NASTY = (
    *(
        "",
        "NaN",
        "-1",
        "1e39",
        "inf",
        "1,5",
        "1-Mar",
        "=1+1",
        '"',
        "a\nb",
        "\0",
        "é",
        "\ud800",
        "../x",
        "<b>",
    ),
    *("ACH-000001", "M1", "#", "\t", ";", "9" * 400, "ENSG00000141510.11", "7157"),
)
ENDINGS = (".csv", ".csv", ".csv", ".tsv", ".txt", ".csv.gz", ".parquet", ".h5ad", ".xlsx")
cells = st.sampled_from(NASTY) | st.floats(0, 15).map(lambda value: f"{value:.3f}") | st.text(max_size=4)


@st.composite
def tables(draw: st.DrawFn, values: str = "1234") -> bytes:
    """A good matrix of these values with some cells, names or rows spoiled, and perhaps the bytes, too."""
    rows = [["ModelID", *GENES], *([line, *values] for line in LINES)]
    for _ in range(draw(st.sampled_from((0, 0, 1, 2, 4)))):
        row = draw(st.integers(0, len(rows) - 1))
        change = draw(st.sampled_from(("cell", "cell", "cell", "ragged", "twice", "gone")))
        if change == "cell":
            rows[row][draw(st.integers(0, len(rows[row]) - 1))] = draw(cells)
        elif change == "ragged":
            rows[row] = [*rows[row], draw(cells)]
        elif change == "twice":
            rows.insert(row, list(rows[row]))
        elif len(rows) > 1:
            rows.pop(row)
    separator, end = (
        draw(st.sampled_from(",,,,,;\t|")),
        draw(st.sampled_from(("\n", "\n", "\n", "\r\n", "\r"))),
    )
    data = end.join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass")
    return draw(
        st.sampled_from((data, data, data, data, data, b"\xef\xbb\xbf" + data, data[: len(data) // 2]))
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file's ending, and bytes that may or may not be of that type."""
    ending, data = draw(st.sampled_from(ENDINGS)), draw(tables() | tables() | st.binary(max_size=200))
    if ending == ".csv.gz" and draw(st.booleans()):
        data = gzip.compress(data)
    if ending == ".parquet" and draw(st.booleans()):
        sink, names = io.BytesIO(), [*GENES, draw(cells)]
        frame = pd.DataFrame([[1.0, 2.0, 3.0, 4.0, draw(st.sampled_from((1.0, "x", None)))]], columns=names)
        frame.loc[:, ~frame.columns.duplicated()].to_parquet(sink) if _is_text(names) else None
        data = sink.getvalue()
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):  # and single bytes
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        data = data[:place] + draw(st.binary(max_size=2)) + data[place + 1 :]
    return ending, data


def _is_text(names: list[str]) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for name in names for letter in name)


TRIED: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def counted(measured: Measured) -> Iterator[None]:
    TRIED.clear()
    yield
    measured(**TRIED)


FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
               derandomize=True)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One target with a linear model of two genes."""
    path, units = tmp_path_factory.mktemp("fuzzed") / "store", units_of(["ONE"], [FINAL_FOLD])
    row = {"method": "modifiers", "target": "ONE", "kind": "ols", "status": "ok", "intercept": 0.5}
    row |= {"modifiers": ["M1", "M2"], "coefficients": [1.0, -1.0]}
    writer = made_writer(path)
    writer.add_plan([*units, *(folds := units_of(["ONE"], [0, 1]))])
    for unit in folds:
        made_commit(writer, [unit])
    made_commit(writer, units, tables={"models": table_of("models", [row | {"sha256": model_checksum(row)}])})
    return path


def plain(values: str) -> bytes:
    rows = [",".join(["ModelID", *GENES]), *(",".join([line, *values]) for line in LINES)]
    return "".join(f"{row}\n" for row in rows).encode()


PLAIN = {"expression": plain("1234"), "effect": plain("2143")}


@FEW
@given(file=files(), spoiled=st.sampled_from(["expression", "effect"]))
def test_an_import_makes_a_whole_dataset_or_none(tmp_path: Path, file: tuple[str, bytes], spoiled: str):
    """One file is any, the other a good one, whose numbers must then be there."""
    folder = cleared(tmp_path / "x")
    named = {name: folder / f"{name}.csv" for name in PLAIN} | {spoiled: folder / f"{spoiled}{file[0]}"}
    for name, path in named.items():
        path.write_bytes(file[1] if name == spoiled else PLAIN[name])
    (folder / "models.csv").write_text(
        "ModelID,OncotreeLineage\n" + "".join(f"{line},Lung\n" for line in LINES)
    )
    if refused(lambda: import_release(out=folder / "d", **named, models=folder / "models.csv")):
        assert not any(path.name.startswith((".d", "d")) for path in folder.iterdir())
        return
    made = Dataset.open(folder / "d")
    made.verify()
    whole, values = (made.effect, "2143") if spoiled == "expression" else (made.expression, "1234")
    assert {tuple(row) for row in np.asarray(whole).tolist()} <= {tuple(map(float, values))}


@FEW
@given(file=files())
def test_predict_writes_its_files_or_none(tmp_path: Path, store: Path, file: tuple[str, bytes]):
    folder = cleared(tmp_path / "x")
    samples = folder / f"samples{file[0]}"
    samples.write_bytes(file[1])
    is_refused = refused(lambda: predict_file(str(store), samples, folder / "out.csv"))
    assert len(list(folder.iterdir())) == (1 if is_refused else 5)


def refused(work: Callable[[], object]) -> bool:
    """Whether it was refused, in words; anything else that is raised fails the test."""
    try:
        work()
    except BadInputError as error:
        TRIED["files_refused"] += 1
        return all(problem.strip() for problem in error.problems) and bool(error.problems)
    TRIED["files_taken"] += 1
    return False


def cleared(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
