"""`predict` on samples of every kind: what is converted, flagged, refused, matched and filled in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Reading, Store, run
from cluster.results.prediction_files import predict_file
from cluster.store import layout
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError

LINES, NEW, GENES = 150, 30, 150
COLUMNS = [
    *("sample", "nearest_line", "nearest_lineage", "nearest_r"),
    *("known_share", "outside_share", "flagged", "why"),
]


@pytest.fixture(scope="module")
def expression() -> pd.DataFrame:
    """Lines of three lineages, the last `NEW` of them held out."""
    rng = np.random.default_rng(1)
    level = rng.choice([0.2, 3.0, 6.0], GENES) + rng.normal(0, 1, GENES)
    of_lineage = rng.normal(0, 1.5, (3, GENES))
    values = level + of_lineage[np.arange(LINES + NEW) % 3] + rng.normal(0, 0.5, (LINES + NEW, GENES))
    names = [f"ACH-{i:06d}" for i in range(LINES + NEW)]
    rounded = np.round(np.maximum(values, 0), 3).astype(np.float32)
    return pd.DataFrame(
        rounded, index=pd.Index(names, name="sample"), columns=[f"G{i}" for i in range(GENES)]
    )


@pytest.fixture(scope="module")
def folder(expression: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dataset and a store of `kernel` and `one_modifier`; target T0 follows G0, T1 is noise."""
    folder = tmp_path_factory.mktemp("fit")
    rng = np.random.default_rng(2)
    train = expression.iloc[:LINES]
    effect = rng.normal(0, 0.2, (LINES, 2)) - np.outer(train["G0"], [0.3, 0.0])
    write_dataset(
        folder / "d",
        expression=train.to_numpy(),
        effect=effect.astype(np.float32),
        cell_lines=list(train.index),
        lineages=[("Skin", "Lung", "")[i % 3] for i in range(LINES)],
        genes=list(train.columns),
        gene_entrez=range(1000, 1000 + GENES),
        targets=["T0", "T1"],
    )
    run(folder / "d", folder / "s", methods=("kernel", "modifiers"), preset="ols", folds=2, workers=0)
    return folder


@pytest.fixture
def new(expression: pd.DataFrame) -> pd.DataFrame:
    return expression.iloc[LINES:]


def said_of(folder: Path, samples: pd.DataFrame, out: Path, **how: object) -> tuple[str, pd.DataFrame]:
    """What `predict` says, and F.samples."""
    source = out.with_name("samples.csv")
    samples.to_csv(source)
    method, reading = how.pop("method", None), Reading(**how)  # type: ignore[arg-type]
    said = predict_file(str(folder / "s"), source, out, method, reading=reading)  # type: ignore[arg-type]
    return said, pd.read_csv(out.with_name(f"{out.stem}.samples.csv"), keep_default_na=False, na_values=[""])


def test_all_samples_of_a_file_in_another_scale_are_flagged_unless_the_user_vouches_for_it(
    folder: Path, new: pd.DataFrame, tmp_path: Path
):
    """Half of them would pass by themselves."""
    lower = new * 0.97
    said, fit = said_of(folder, lower, tmp_path / "out.csv")
    assert "LOOK AGAIN: not log2(TPM+1), which models take (values differ by -0.0" in said
    assert fit["flagged"].all()
    assert fit["why"].str.startswith("its file is not log2(TPM+1): values differ").sum() > NEW / 3
    _, fit = said_of(folder, lower, tmp_path / "unit.csv", unit="log2tpm")
    assert fit["flagged"].sum() < 2 * NEW / 3
    _, fit = said_of(folder, lower.iloc[:9], tmp_path / "few.csv")
    assert not fit["why"].astype(str).str.startswith("its file").any()
    _, fit = said_of(folder, lower, tmp_path / "matched.csv", match=True)
    assert not fit["why"].astype(str).str.startswith("its file").any()


def test_an_empty_column_is_as_good_as_none_and_an_infinite_cell_as_an_empty_one(
    folder: Path, new: pd.DataFrame, tmp_path: Path
):
    fewer = new.iloc[:, :100]
    _, without = said_of(folder, fewer, tmp_path / "out.csv", fill_missing=True)
    _, empty = said_of(folder, fewer.reindex(columns=new.columns), tmp_path / "empty.csv", fill_missing=True)
    pd.testing.assert_frame_equal(empty, without)
    endless, missing = new.copy(), new.copy()
    endless.iloc[0, 3], missing.iloc[0, 3] = -np.inf, np.nan
    made, same = (Store(folder / "s").predict(frame, "kernel") for frame in (endless, missing))
    pd.testing.assert_frame_equal(made.samples, same.samples)
    assert any("1 cells are infinite" in note for note in made.notes)


def test_lines_held_out_are_not_flagged_and_have_their_lineage(
    folder: Path, new: pd.DataFrame, tmp_path: Path
):
    said, fit = said_of(folder, new, tmp_path / "out.csv")
    assert list(fit.columns) == COLUMNS
    assert fit["sample"].tolist() == list(new.index)
    assert fit["flagged"].dtype == bool
    assert fit["flagged"].sum() <= 1
    assert fit["nearest_lineage"].fillna("").tolist() == [("Skin", "Lung", "")[i % 3] for i in range(NEW)]
    assert fit["nearest_r"].between(0.3, 1).all()
    assert (fit["known_share"] == 1).all()
    assert fit["outside_share"].max() < 0.1
    assert "150 of 150 genes are the models': 150 by symbol" in said
    frame = Store(folder / "s").predict(new).samples
    pd.testing.assert_frame_equal(
        frame[["nearest_line", "flagged"]], fit[["nearest_line", "flagged"]], check_dtype=False
    )


def test_a_training_line_is_its_own_nearest_line_and_not_flagged(folder: Path, expression: pd.DataFrame):
    fit = Store(folder / "s").predict(expression.iloc[:20]).samples
    assert fit["nearest_line"].tolist() == list(expression.index[:20])
    assert (fit["nearest_r"] > 0.999).all()
    assert fit["flagged"].sum() <= 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda x, _: x * 0, "all its values are 0"),
        (lambda x, _: x * 0 + 4, "all its values are 4"),
        (
            lambda x, rng: x * 0 + rng.uniform(0, 14, x.shape),
            "not high and low where those of training lines are",
        ),
        (
            lambda x, rng: x.iloc[:, rng.permutation(GENES)].set_axis(x.columns, axis=1),
            "names that belong to other",
        ),
        (lambda x, _: x + 3, "above similar lines"),
        (lambda x, _: np.maximum(x - 1, 0), "more of its genes are at 0 than in similar lines: shifted"),
        (lambda x, _: x * np.log(2), "another logarithm"),
        (lambda x, _: 2 * x, "as much as in similar lines"),
    ],
)
def test_samples_that_are_none_are_flagged_with_the_reason(
    folder: Path, new: pd.DataFrame, tmp_path: Path, spoil: Callable[..., pd.DataFrame], why: str
):
    samples = spoil(new, np.random.default_rng(0))
    said, fit = said_of(folder, samples, tmp_path / "out.csv")
    assert fit["flagged"].all()
    assert fit["why"].str.contains(why).all()
    assert f"LOOK AGAIN: {NEW} of {NEW} are flagged" in said


def test_tpm_on_its_side_by_entrez_id_is_predicted_alike(folder: Path, new: pd.DataFrame, tmp_path: Path):
    predicted = said_of(folder, new, tmp_path / "out.csv")[0] and pd.read_csv(tmp_path / "out.csv")
    turned = (2.0**new - 1).T.set_axis([str(1000 + i) for i in range(GENES)], axis=0)
    turned.index.name = "gene_id"
    said, fit = said_of(folder, turned, tmp_path / "turned.csv")
    assert "genes stand as rows, samples as columns: turned" in said
    assert "150 by Entrez id" in said
    assert "unit: TPM (values without logarithm that are like the training lines as log2(TPM+1))" in said
    assert fit["flagged"].sum() <= 1
    again = pd.read_csv(tmp_path / "turned.csv")
    np.testing.assert_allclose(again.drop(columns="sample"), predicted.drop(columns="sample"), atol=1e-4)


def test_what_is_refused_names_all_problems_and_writes_nothing(
    folder: Path, new: pd.DataFrame, tmp_path: Path
):
    centred = new - new.mean()
    centred.index = ["same", "same", *new.index[2:]]
    with pytest.raises(BadInputError) as found:
        said_of(folder, centred, tmp_path / "out.csv")
    twice, unit = found.value.problems
    assert "samples 'same' stand there more than once" in twice
    assert "values below 0, which log2(TPM+1) never is" in unit
    for bad, problem in (
        ({"unit": "fpkm"}, "--unit fpkm: expected one of auto, tpm, log2tpm, counts"),
        ({"orientation": "up"}, "--orientation up: expected one of auto, samples, genes"),
        ({"match_genes": True}, "--match-genes: 5 samples; it takes 30"),
        ({"unit": "counts"}, "read counts|not log2"),
    ):
        with pytest.raises(BadInputError, match=problem):
            said_of(folder, new.iloc[:5], tmp_path / "out.csv", **bad)
    ensembl = new.set_axis([f"ENSG{i:011d}.2" for i in range(GENES)], axis=1)
    with pytest.raises(BadInputError, match=r"these are Ensembl ids.*give --gene-ids FILE"):
        said_of(folder, ensembl, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["samples.csv"]
    said, fit = said_of(folder, new - new.mean(), tmp_path / "out.csv", force=True)
    assert "LOOK AGAIN: values below 0" in said
    assert fit["flagged"].all()


def test_a_genome_in_another_unit_is_told_and_scored(folder: Path, new: pd.DataFrame, tmp_path: Path):
    others = np.random.default_rng(0).uniform(0, 12, (NEW, 8000)).astype(np.float32)
    names = [f"X{i}" for i in range(8000)]
    whole = pd.concat([new, pd.DataFrame(others, index=new.index, columns=names)], axis=1)
    said, fit = said_of(folder, whole, tmp_path / "out.csv")
    assert "samples.csv: LOOK AGAIN: not log2(TPM+1), which models take (2^x - 1 adds up to" in said
    assert "take --match, or --match-genes" in said
    assert "taken for log2(TPM+1)" not in said
    assert len(fit) == NEW
    said, _ = said_of(folder, whole, tmp_path / "matched.csv", match=True)
    assert "order of values is all that counts, as they are matched" in said
    said, _ = said_of(folder, whole, tmp_path / "told.csv", unit="log2tpm")
    assert "LOOK AGAIN: not log2" not in said


def test_a_panel_is_said_to_be_one(folder: Path, new: pd.DataFrame, tmp_path: Path):
    said, _ = said_of(folder, new, tmp_path / "out.csv")
    assert f"what log2(TPM+1) can be; {GENES} genes are too few to be sure" in said


def test_columns_that_are_no_genes_and_cells_without_end_are_said(
    folder: Path, new: pd.DataFrame, tmp_path: Path
):
    plain, _ = said_of(folder, new, tmp_path / "plain.csv")
    beside = new.astype(float).assign(age=[40 + i for i in range(len(new))])
    said, _ = said_of(folder, beside, tmp_path / "beside.csv")
    assert "1 columns are no genes of the models and hold what no log2(TPM+1) is ('age')" in said
    assert (tmp_path / "beside.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()
    beside.iloc[1, 2] = np.inf
    said, _ = said_of(folder, beside, tmp_path / "endless.csv")
    assert "1 cells are infinite or too large for a number, and count as not known" in said
    assert "infinite" not in plain


def test_matching_puts_a_foreign_scale_right_and_says_so(folder: Path, new: pd.DataFrame, tmp_path: Path):
    foreign = new * 1.4 + 2
    assert said_of(folder, foreign, tmp_path / "plain.csv")[1]["flagged"].all()
    said, fit = said_of(folder, foreign, tmp_path / "matched.csv", match=True)
    assert "matched to the training lines' quantiles (--match)" in said
    assert fit["flagged"].sum() <= 2
    said_of(folder, new, tmp_path / "same.csv", match=True)
    for name in ("matched", "same"):  # the rank of the values is all that counts
        made = pd.read_csv(tmp_path / f"{name}.csv").drop(columns="sample")
        truth = Store(folder / "s").predict(new).predicted
        assert np.corrcoef(made["T0"], truth["T0"])[0, 1] > 0.95
    assert (tmp_path / "matched.csv").read_bytes() == (tmp_path / "same.csv").read_bytes()


def test_missing_genes_can_be_filled(folder: Path, new: pd.DataFrame, tmp_path: Path):
    few = new.iloc[:, :100]
    said, fit = said_of(folder, few, tmp_path / "filled.csv", fill_missing=True, method="kernel")
    assert "50 genes that samples lack get their mean over the training lines (--fill-missing)" in said
    assert fit["known_share"].between(0.65, 0.67).all()
    assert pd.read_csv(tmp_path / "filled.csv").notna().all(axis=None)
    with pytest.raises(BadInputError, match="90% of the genes"):
        said_of(folder, few, tmp_path / "out.csv", method="kernel")


def test_a_target_of_the_mean_alone_has_no_column_but_its_reason(
    folder: Path, new: pd.DataFrame, tmp_path: Path
):
    said, _ = said_of(folder, new, tmp_path / "out.csv", method="modifiers")
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == ["sample", "T0"]
    assert "1 targets have no column: all that is known of them is their mean over the training lines" in said
    assert "no_modifiers: 1; train_mean in out.targets.csv" in said
    trust = pd.read_csv(tmp_path / "out.targets.csv", index_col="target")
    assert trust.loc["T1", "status"] == "no_modifiers"
    assert trust["train_mean"].notna().all()
    auto, _ = said_of(folder, new, tmp_path / "auto.csv")
    assert "T1" in pd.read_csv(tmp_path / "auto.csv").columns  # kernel has a model of it
    assert "no column" not in auto


def test_a_store_away_from_its_dataset_still_compares(
    folder: Path, new: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(folder / "s", tmp_path / "s")
    monkeypatch.setattr(Dataset, "open", lambda place: (_ for _ in ()).throw(BadInputError(f"{place}: gone")))
    lineages = [("Skin", "Lung", "")[i % 3] for i in range(NEW)]
    said, fit = said_of(tmp_path, new, tmp_path / "out.csv")
    assert fit["nearest_line"].notna().all()
    assert fit["nearest_lineage"].fillna("").tolist() == lineages  # of the store's own table
    assert "nearest_lineage is empty" not in said
    (tmp_path / "s" / layout.cell_lines_path(str(Store(tmp_path / "s").run["dataset_hash"]))).unlink()
    said, fit = said_of(tmp_path, new, tmp_path / "again.csv")
    assert fit["nearest_line"].notna().all()
    assert fit["nearest_lineage"].isna().all()
    assert "nearest_lineage is empty: the store has no table of its cell lines" in said
    assert str(folder / "d") in said


def test_lines_that_the_models_learned_from_are_said(
    folder: Path, expression: pd.DataFrame, tmp_path: Path
) -> None:
    said, _ = said_of(folder, expression.iloc[LINES - 2 :], tmp_path / "out.csv")
    assert f"learned from 2 of the samples ({', '.join(expression.index[LINES - 2 : LINES])}): these" in said
    said, _ = said_of(folder, expression.iloc[LINES:], tmp_path / "new.csv")
    assert "learned from" not in said
