"""What every candidate must keep, as checks that run: for those built in, and for those of other packages.

`CHECKS` are functions of a candidate that raise AssertionError. The author of a plug-in runs them from
a checkout, with the plug-in's package installed: `python -m tests.contracts.candidate NAME ...`.
"""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from modeling.candidates.base import Candidate, Refits, fit_on_all
from modeling.candidates.fitted import Fitted
from modeling.candidates.problem import Problem
from modeling.candidates.registry import candidate_of
from tests.reference.hard_data import hard_problems, signal

HARD_CASES = ("more features than lines", "thirty lines", "one feature", "constant features")


def check_it_says_what_it_is(candidate: Candidate) -> None:
    """Name and summary are one line each."""
    assert candidate.name
    assert candidate.name == candidate.name.strip()
    assert "," not in candidate.name  # the comma lists candidates in `--preset`
    assert candidate.summary
    assert "\n" not in candidate.summary


def check_its_cost_is_positive_and_grows(candidate: Candidate) -> None:
    """Core-seconds: of no fit nothing, of more lines no less."""
    seconds = [candidate.fit_seconds(lines) for lines in (1, 100, 720, 5000)]
    assert all(0 < fewer <= more < np.inf for fewer, more in pairwise(seconds))


def check_a_stored_model_predicts_the_same_bits(candidate: Candidate) -> None:
    """From a copy of its arrays alone."""
    features, effect = signal(90, 7, 1)
    unseen, _ = signal(33, 7, 2)
    fitted = fitted_by(candidate, Problem(features, effect, 3))
    model = candidate.restore(copied(fitted))
    again = Fitted(candidate.name, model)
    assert again.predict(unseen).tobytes() == fitted.predict(unseen).tobytes()
    assert (again.coefficients() is None) == (fitted.coefficients() is None)
    assert same_arrays(again, fitted)


def check_a_stored_model_without_its_arrays_is_refused(candidate: Candidate) -> None:
    """With KeyError or ValueError, which `registry.restore` reports."""
    try:
        candidate.restore({})
    except (KeyError, ValueError):
        return
    raise AssertionError(f"{candidate.name} restored a model from no arrays")


def check_company_and_order_change_nothing(candidate: Candidate) -> None:
    """A fit alone, among others, and among others in another order: the same bytes."""
    problems = [Problem(*signal(60 + 10 * i, 4 + i, i), i) for i in range(4)]
    together = candidate.fit(problems)
    backwards = candidate.fit([copy_of(problem) for problem in reversed(problems)])
    for problem, fitted, other in zip(problems, together, reversed(backwards), strict=True):
        assert_same(other, fitted)
        assert_same(candidate.fit([copy_of(problem)])[0], fitted)
    assert candidate.fit([]) == []


def check_the_memory_of_the_data_does_not_matter(candidate: Candidate) -> None:
    """Rows or columns first, off a cache line's start, every other column of a larger array, read-only."""
    features, effect = signal(77, 9, 4)
    shifted = np.empty(features.nbytes + 8, dtype=np.uint8)[8:].view(np.float64).reshape(features.shape)
    shifted[:] = features
    read_only = features.copy()
    read_only.flags.writeable = False
    wide = np.repeat(features, 2, axis=1)[:, ::2]
    layouts = [features, np.asfortranarray(features), shifted, wide, read_only]
    first, *others = [candidate.fit([Problem(layout, effect, 1)])[0] for layout in layouts]
    for other in others:
        assert_same(other, first)


def check_hard_problems_are_fitted(candidate: Candidate) -> None:
    """With finite predictions."""
    hard = hard_problems()
    for case in HARD_CASES:
        features, effect = hard[case]
        predicted = fitted_by(candidate, Problem(features, effect, 0)).predict(features)
        assert np.isfinite(predicted).all(), case


def check_a_bad_problem_fails_alone(candidate: Candidate) -> None:
    """Status `failed`, why, NaN as predictions and no arrays; the others as if it were not there."""
    features, effect = signal(60, 5, 6)
    holed = effect.copy()
    holed[7] = np.nan
    # The hole must be noticed even where no feature varies and it could not reach a coefficient.
    bad = [
        Problem(features, holed, 0),
        Problem(np.zeros((60, 2)), holed, 0),
        Problem(features[:, :0], effect, 0),
    ]
    fits = candidate.fit([bad[0], Problem(features, effect, 0), *bad[1:]])
    assert [fit.status == "failed" for fit in fits] == [True, False, True, True]
    assert "effect has missing" in fits[0].reason
    assert fits[0].candidate == candidate.name
    assert np.isnan(fits[0].predict(features)).all()
    assert fits[0].arrays() == {}
    assert fits[0].coefficients() is None
    assert_same(fits[1], candidate.fit([Problem(features, effect, 0)])[0])


def check_winners_are_fitted_on_all_lines(candidate: Candidate) -> None:
    """`refit`, where there is one, gives what `fit` gives: as many fits, each restorable."""
    problems = [Problem(*signal(80, 5, i), i) for i in range(2)]
    trials = [dict(fit.parameters) for fit in candidate.fit([p.take(np.arange(70)) for p in problems])]
    fits = fit_on_all(candidate, problems, trials)
    assert [fit.candidate for fit in fits] == [candidate.name] * 2
    for problem, fitted in zip(problems, fits, strict=True):
        assert fitted.status != "failed", fitted.reason
        assert np.isfinite(fitted.predict(problem.features)).all()
    if isinstance(candidate, Refits):
        assert_same(candidate.refit(problems[:1], trials[:1])[0], fits[0])


def check_a_device_gives_a_candidate_of_the_same_name(candidate: Candidate) -> None:
    """`on` a CPU changes no bit."""
    moved = candidate.on("cpu")
    assert isinstance(moved, Candidate)
    assert moved.name == candidate.name
    problem = Problem(*signal(50, 3, 8), 0)
    assert_same(moved.fit([copy_of(problem)])[0], candidate.fit([problem])[0])


def check_parameters_can_be_stored(candidate: Candidate) -> None:
    """Names and plain numbers or text, as the table `candidates` takes them."""
    fitted = fitted_by(candidate, Problem(*signal(60, 4, 9), 0))
    assert all(isinstance(value, (int, float, str)) for value in fitted.parameters.values())
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in fitted.arrays().values())


CHECKS: tuple[Callable[[Candidate], None], ...] = (
    check_it_says_what_it_is,
    check_its_cost_is_positive_and_grows,
    check_a_stored_model_predicts_the_same_bits,
    check_a_stored_model_without_its_arrays_is_refused,
    check_company_and_order_change_nothing,
    check_the_memory_of_the_data_does_not_matter,
    check_hard_problems_are_fitted,
    check_a_bad_problem_fails_alone,
    check_winners_are_fitted_on_all_lines,
    check_a_device_gives_a_candidate_of_the_same_name,
    check_parameters_can_be_stored,
)


def fitted_by(candidate: Candidate, problem: Problem) -> Fitted:
    """A fit that gave a model."""
    (fitted,) = candidate.fit([problem])
    assert fitted.candidate == candidate.name
    assert fitted.status != "failed", fitted.reason
    return fitted


def copy_of(problem: Problem) -> Problem:
    """The same in other memory, with nothing computed yet."""
    return Problem(problem.features.copy(), problem.effect.copy(), problem.seed, problem.fold_seed)


def copied(fitted: Fitted) -> dict[str, np.ndarray]:
    """Its arrays as a file gives them back: read-only, of the same type and shape."""
    arrays = fitted.arrays().items()
    return {key: np.frombuffer(a.tobytes(), dtype=a.dtype).reshape(a.shape) for key, a in arrays}


def same_arrays(a: Fitted, b: Fitted) -> bool:
    """Whether two models hold the same bytes."""
    mine, others = a.arrays(), b.arrays()
    return mine.keys() == others.keys() and all(mine[k].tobytes() == others[k].tobytes() for k in mine)


def assert_same(a: Fitted, b: Fitted) -> None:
    """Two fits are the same, bit for bit."""
    assert (a.candidate, a.status, a.reason) == (b.candidate, b.status, b.reason)
    assert dict(a.parameters) == dict(b.parameters)
    assert same_arrays(a, b)


def main(names: Sequence[str]) -> int:
    """Run every check on the named candidates; the exit code counts what fails."""
    failures = 0
    for name in names:
        for check in CHECKS:
            try:
                check(candidate_of(name))
                print(f"{name}: {check.__name__}: ok")
            except AssertionError as error:
                failures += 1
                print(f"{name}: {check.__name__}: FAILED {error}")
    return failures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
