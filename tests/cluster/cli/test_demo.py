"""What the demo prints of a store's targets and methods."""

import pandas as pd
import pytest

from cluster.cli.answers import BEST, best_targets, method_means, print_best
from cluster.cli.demo import planted_beside_found

NOT_SCORED = float("nan")
R = {  # of each target: pooled r and mean r of best, of modifiers
    "A": ((0.3, 0.25), (0.8, 0.7)),
    "B": ((0.9, 0.9), (0.5, 0.3)),
    "C": ((NOT_SCORED, NOT_SCORED), (0.1, NOT_SCORED)),
    "D": ((0.6, 0.4), (0.6, 0.5)),
}


def made_genes(*methods: str) -> pd.DataFrame:
    rows = [
        {"method": method, "target": target, "pearson_pooled": pooled, "pearson": mean}
        | {column: f"{column} of {method}" for column in BEST}
        for target, of_methods in R.items()
        for method, (pooled, mean) in zip(("best", "modifiers"), of_methods, strict=True)
        if method in methods
    ]
    return pd.DataFrame(rows)


def test_a_target_has_one_row_with_the_numbers_of_its_better_method() -> None:
    table = best_targets(made_genes("best", "modifiers"), 3)
    assert table["target"].tolist() == ["B", "A", "D"]
    assert table["best"].tolist() == [0.9, 0.3, 0.6]
    assert table["modifiers"].tolist() == [0.5, 0.8, 0.6]
    better = ["best", "modifiers", "best"]  # of equal ones the first
    assert table["gain"].tolist() == [f"gain of {method}" for method in better]
    assert table.columns.tolist() == ["target", "best", "modifiers", *BEST]
    assert len(best_targets(made_genes("best", "modifiers"), 9)) == len(R)


def test_methods_are_judged_by_all_targets_one_without_r_as_0() -> None:
    table = method_means(made_genes("best", "modifiers")).set_index("method")
    assert table["targets"].to_dict() == {"best": 4, "modifiers": 4}
    assert table["mean r"].to_dict() == pytest.approx({"best": 1.55 / 4, "modifiers": 1.5 / 4})
    assert table["r > 0.2"].to_dict() == {"best": 3, "modifiers": 3}
    assert table["r > 0.4"].to_dict() == {"best": 1, "modifiers": 2}  # 0.4 is not above it


def test_of_one_method_nothing_is_said_of_a_better_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_best(made_genes("modifiers"), 2)
    printed = capsys.readouterr().out
    assert "The 2 best-predicted targets" in printed
    assert "better" not in printed
    print_best(made_genes("modifiers", "best"), 2)
    assert "of the better one" in capsys.readouterr().out


def test_what_was_planted_stands_beside_what_was_found() -> None:
    planted = pd.DataFrame(
        {"modifier": ["WEAK", "HIGH", "LOST"], "sign": [1, -1, 1], "weight": [0.1, -0.9, 0.2]}
    )
    found = pd.DataFrame(
        [
            *({"modifier": "HIGH", "fold": fold, "pearson": -0.8} for fold in range(3)),
            {"modifier": "WEAK", "fold": 0, "pearson": 0.3},
            *({"modifier": "OTHER", "fold": fold, "pearson": 0.2} for fold in range(2)),
            {"modifier": "ONCE", "fold": 2, "pearson": 0.2},
        ]
    )
    high, low = "needed more where high", "needed more where low"
    rows = planted_beside_found(planted, found)
    assert list(zip(rows["gene"], rows["planted"], rows["found"], rows["folds"], strict=True)) == [
        ("HIGH", high, high, 3),
        ("LOST", low, "not found", 0),
        ("WEAK", low, low, 1),
        ("OTHER", "not planted", low, 2),
    ]
    assert rows["r"].round(9).tolist()[0] == -0.8
    assert planted_beside_found(planted, found[:0])["found"].tolist() == ["not found"] * 3
    assert planted_beside_found(planted[:0], found[:0]).empty
