"""The script that names modules, on a table made up: two complexes, and targets that borrow from anyone."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from tasks.tables.schemas import table_of
from tests.benchmarks import modules_named
from tests.benchmarks.modules_named import distinct, gene_sets, main, named
from tests.made_stores import made_commit, made_writer, units_of

COMPLEXES = {"one": [f"A{i}" for i in range(6)], "two": [f"B{i}" for i in range(5)]}
OTHERS = [f"C{i}" for i in range(60)]
SETS = {
    "one": frozenset({*COMPLEXES["one"], "absent"}),
    "two": frozenset(COMPLEXES["two"]),
    "mixed": frozenset({"A0", "B0", "C1", "C2"}),
    "small": frozenset({"A0", "A1"}),
    "all": frozenset(OTHERS),
}


def made() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    everyone = [*COMPLEXES["one"], *COMPLEXES["two"], *OTHERS]
    rows = []
    for target in everyone:
        own = next((genes for genes in COMPLEXES.values() if target in genes), [])
        near = [gene for gene in own if gene != target][:4]
        near += [g for g in rng.permutation(everyone) if g not in (*near, target)][: 6 - len(near)]
        rows += [(target, gene, 1 / rank, rank) for rank, gene in enumerate(near, start=1)]
    frame = pd.DataFrame(rows, columns=["target", "codependent", "weight", "rank"])
    frame.loc[(frame["rank"] == 6), "weight"] *= -1
    return frame


def test_every_pair_is_fishers_exact_test() -> None:
    modules = made()
    found = named(modules, SETS, most=5)
    universe = set(modules["target"])
    expected = {}
    for target, mine in modules[(modules["rank"] < 6)].groupby("target"):
        near, others = set(mine["codependent"]), universe - {target}
        for name in ("one", "two", "mixed", "all"):
            inside = SETS[name] & others
            table = [
                [len(near & inside), len(near - inside)],
                [len(inside - near), len(others - near - inside)],
            ]
            expected[target, name] = fisher_exact(table, alternative="greater").pvalue if table[0][0] else 1.0
    q = dict(zip(expected, multipletests([*expected.values()], method="fdr_bh")[1], strict=True))
    for row in found.itertuples():
        key = (row.target, row.set)
        assert row.p == pytest.approx(expected.pop(key), rel=1e-9)
        assert row.q == pytest.approx(q[key], rel=1e-9)
    assert set(expected.values()) == {1.0}  # the pairs that share nothing
    hits = found[(found["q"] < 0.05) & found["member"]]
    assert set(hits["set"]) == {"one", "two"}
    assert set(hits["target"]) == {*COMPLEXES["one"], *COMPLEXES["two"]}


def test_a_target_is_no_neighbour_of_its_own_and_negative_weights_do_not_count() -> None:
    modules = made()
    both = pd.concat([modules, modules.assign(codependent=modules["target"])])
    columns = ["target", "set", "found", "genes"]
    pd.testing.assert_frame_equal(named(both, SETS)[columns], named(modules, SETS)[columns])
    assert (named(modules, SETS)["neighbours"] <= 5).all()


def test_weights_and_descriptions_of_a_gmt_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.gmt"
    path.write_text("one\thttp://x\tA0\tA1,1.0\t\n\ntwo\t\tB0\n")
    assert gene_sets(path) == {"one": frozenset({"A0", "A1"}), "two": frozenset({"B0"})}


def test_another_name_of_a_set_already_listed_is_left_out() -> None:
    found = {"big": "ABCD", "same": "ABC", "half": "DE", "mostly": "CDF", "new": "XY"}
    rows = [("L", name, target, 0.01) for name, targets in found.items() for target in targets]
    hits = pd.DataFrame(rows, columns=["library", "set", "target", "q"])
    assert [key[1] for key, _ in distinct(hits)] == ["big", "half", "new"]
    assert len(distinct(hits, shown=1)) == 1


def test_the_command_names_the_complexes_of_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    units = units_of("A", [0], method="best")
    rows = made().assign(method="best", pearson=0.5)
    blocks = rows[["method", "target", "codependent", "weight", "pearson", "rank"]].to_dict("records")
    made_commit(made_writer(tmp_path / "store"), units, tables={"modules": table_of("modules", blocks)})
    lines = ["\t".join([name, "", *sorted(genes)]) for name, genes in SETS.items()]
    (tmp_path / "KEGG_2021_Human.gmt").write_text("\n".join(lines))
    out = tmp_path / "found.csv"
    words = [str(tmp_path / "store"), "--sets", str(tmp_path), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["modules_named", *words])
    main()
    said = capsys.readouterr()
    assert "| KEGG | one | 6 | A" in said.out
    assert "Reactome: no *reactome*.gmt" in said.err
    assert set(pd.read_csv(out)["set"]) >= {"one", "two"}
    monkeypatch.setattr(sys, "argv", ["modules_named", *words, "--method", "kernel"])
    with pytest.raises(SystemExit, match="table modules has no rows of kernel"):
        modules_named.main()
