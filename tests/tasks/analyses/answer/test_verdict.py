"""What a verdict says for each kind of evidence, and in which words."""

import json
from dataclasses import replace

import pytest

from tasks.analyses.answer import verdict as v
from tasks.analyses.answer.evidence import Failure
from tasks.analyses.answer.plain import verdict_plain
from tasks.analyses.answer.verdict import judge
from tasks.analyses.answer.wording import number, q_text, sentences
from tests.tasks.analyses.answer.made import NAN, evidence, lineage, modifier, score, whole


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (score(0.6), v.GOOD),
        (score(0.4), v.GOOD),
        (score(0.35, gain_low=0.01), v.FAIR),
        (score(0.15, gain_low=0.01), v.POOR),
        (score(0.6, gain_low=-0.01), v.NOT_BEYOND),
        (score(0.6, gain_low=NAN, gain=0.1), v.GOOD),
        (score(0.6, gain_low=NAN, gain=-0.1), v.NOT_BEYOND),
        (score(0.6, q=0.05), v.NOT_SHOWN),
        (score(0.6, q=NAN, p=0.2), v.NOT_SHOWN),
        (score(0.05, high=0.15, q=0.3), v.NOT),
        (score(-0.4, high=-0.2, q=1e-9), v.NOT),
    ],
)
def test_each_answer_has_its_rule(given: object, answer: str) -> None:
    found = judge(evidence(given))
    assert found.answer == answer
    assert found.predictable is (answer in v.PREDICTABLE)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("constant_target", v.CONSTANT),
        ("too_few_lines", v.TOO_FEW),
        ("failed", v.FAILED),
        (None, v.UNFINISHED),
    ],
)
def test_without_a_score_the_failures_answer(status: str | None, answer: str) -> None:
    failures = (Failure("best", status, (0, 1), "matrix is singular"),) if status else ()
    for scores in ((), (score(NAN, low=NAN, high=NAN),)):
        found = judge(evidence(*scores, failures=failures))
        assert found.answer == answer
        assert all(text.endswith(".") for text in sentences(found))
    if status == "failed":
        assert "matrix is singular" in sentences(found)[0]
        assert "resume STORE --retry-failed" in sentences(found)[2]


def test_the_method_with_the_highest_r_is_judged_unless_one_is_named() -> None:
    both = (score(0.3, method="ridge"), score(0.6, method="best"), score(0.9, method="late", folds=2))
    assert judge(evidence(*both)).score.method == "best"
    assert judge(evidence(*both), "ridge").score.method == "ridge"
    assert judge(evidence(score(NAN, method="a"), score(0.1, method="b"))).score.method == "b"


def test_a_lineage_holds_only_where_no_single_line_makes_it() -> None:
    lineages = (
        lineage("Good", 0.5),
        lineage("Better", 0.7),
        lineage("OneLine", 0.8, without_one=0.05),
        lineage("Weak", 0.1, q=0.4, n=90),
        lineage("Small", 0.9, n=14),
        lineage("Flat", NAN, without_one=NAN, q=NAN, sd=0.0),
        lineage("Still", 0.1, q=0.6, sd=0.1),
    )
    found = judge(evidence(score(), lineages=lineages))
    assert [x.lineage for x in found.holds] == ["Better", "Good"]
    assert [x.lineage for x in found.fails] == ["Weak", "OneLine"]
    assert [x.lineage for x in found.quiet] == ["Flat", "Still"]
    third = sentences(found)[2]
    assert third.startswith("Within lineages the prediction holds in 2 of 4: Better (r 0.70, n 60) and Good")
    assert "it is not shown in Weak (r 0.10, n 90) and OneLine (r 0.80, n 60)" in third
    assert "Small" not in third


def test_levels_need_lines_that_depend_to_fail() -> None:
    lineages = (lineage("Few", 0.1, q=0.4, dependent=2), lineage("Enough", 0.1, q=0.4, dependent=3))
    found = judge(evidence(score(), lineages=lineages, measure="level"))
    assert [x.lineage for x in found.fails] == ["Enough"]


def test_the_sentences_of_a_predictable_target() -> None:
    first, second, third = sentences(judge(evidence(score(0.6))))
    assert first == (
        "ABC is well predictable: on 400 cell lines that the models had not seen, prediction and measurement "
        "correlate with r 0.60 (95% interval 0.50 to 0.70, q 1e-08), which is 36% of the variance."
    )
    assert second == (
        "It is needed more where XYZ is high and its own expression is low (chosen in 5 and 4 of 5 folds)."
    )
    assert third == (
        "Within lineages the prediction holds in 1 of 1: Lung (r 0.50, n 60); knowing the lineage alone "
        "gives r 0.30, and the prediction adds 0.30 (0.25 to 0.35)."
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"scores": (score(0.6, gain_low=-0.1),)},
            "ABC can be predicted, but no better than by its lineage alone (r 0.30): on 400",
        ),
        (
            {"scores": (score(0.6, gain_low=-0.1, baseline="own", own=0.65),)},
            "but no better than by its own expression alone (r 0.65)",
        ),
        (
            {"scores": (score(0.1, gain_low=-0.3, gain_high=-0.1),)},
            "ABC is hardly predictable, and worse than by its lineage alone (r 0.30)",
        ),
        ({"scores": (score(0.6, q=0.2, n=36),)}, "on 36 cell lines"),
        ({"scores": (score(0.6, folds=3),)}, "So far (3 of 5 folds): ABC is well"),
        ({"selectivity": whole(dependent=4)}, "only 4 lines of 400 depend on it, so all rests on those."),
        ({"selectivity": whole(sd=0.04)}, "hardly varies (sd 0.04), so there is little to predict."),
        ({"scores": (score(0.0, high=0.1, q=1.0),)}, "ABC is not predictable from expression"),
    ],
)
def test_what_makes_a_number_less_than_it_looks_is_said_first(given: dict[str, object], words: str) -> None:
    scores = given.pop("scores", (score(0.6),))
    assert words in sentences(judge(evidence(*scores, **given)))[0]


@pytest.mark.parametrize(
    ("modifiers", "words"),
    [
        ((), "No gene was found whose expression goes with it."),
        ((modifier("A"), modifier("B")), "where A and B are high (chosen in all 5 folds)."),
        ((modifier("A", "", 5), modifier("B")), "where B is high"),
        ((modifier("A"), modifier("B", folds=1)), "where A is high (chosen in all 5 folds)."),
        ((modifier("A", kind="paralog"),), "where its paralog A is high"),
        (
            (modifier("A"), modifier("B", folds=0), modifier("ABC", "low", 0, "self")),
            "its own expression counts",
        ),
    ],
)
def test_modifiers_are_named_by_what_folds_agree_on(modifiers: tuple[object, ...], words: str) -> None:
    assert words in sentences(judge(evidence(score(), modifiers=modifiers)))[1]


def test_followed_genes_are_called_that_and_a_lineages_marks_are_doubted() -> None:
    found = judge(evidence(score(0.6, gain_low=-1.0), modifiers=(modifier("A", folds=0),), on_all_genes=True))
    second = sentences(found)[1]
    assert "correlation, not cause" in second
    assert second.endswith("which may be no more than marks of the lineage.")


def test_a_gene_that_alone_goes_the_other_way_is_in_no_sentence_unless_all_do() -> None:
    gated = replace(modifier("GATED", "low"), pearson=-0.2, weight=-0.1)
    turned = replace(modifier("TURNED", "low"), pearson=0.4, weight=-0.02)
    found = judge(evidence(score(0.6), modifiers=(turned, gated)))
    assert sentences(found)[1].startswith("It is needed more where GATED is low")
    alone = judge(evidence(score(0.6), modifiers=(turned,)))
    assert "TURNED is low" in sentences(alone)[1]


def test_held_out_lineages_give_no_baseline() -> None:
    third = sentences(judge(evidence(score(), scheme="lineage")))[2]
    assert "each lineage was held out in turn" in third


def test_json_has_null_for_what_is_not_known() -> None:
    body = verdict_plain(judge(evidence(score(0.6, own=NAN))))
    text = json.dumps(body, allow_nan=False)
    assert body["scores"][0]["own"] is None
    assert json.loads(text)["holds"] == ["Lung"]
    assert len(body["verdict"]) == 3


def test_numbers_are_rounded_as_people_do() -> None:
    assert [number(x) for x in (0.456, -0.456, -0.001, NAN)] == ["0.46", "−0.46", "0.00", "?"]
    assert [q_text(x) for x in (0.0312, 2e-5, 1e-30, NAN)] == [
        "q 0.031",
        "q 2e-05",
        "q < 1e-10",
        "q not known",
    ]
