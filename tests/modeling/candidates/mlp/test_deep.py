from dataclasses import replace

import numpy as np
import pytest
import torch

from modeling.candidates.base import Refits
from modeling.candidates.choice import choose, validation_split
from modeling.candidates.mlp import deep
from modeling.candidates.mlp.deep import Deep
from modeling.candidates.registry import BUILT, Problem, candidates_of
from tests.modeling.devices import DEVICES
from tests.reference.deep import deep_slow, deep_slow_whole, held_out_rows
from tests.reference.hard_data import signal

STREAM = 4


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(deep, "EPOCHS", 40)
    monkeypatch.setattr(deep, "PATIENCE", 6)


@pytest.fixture(params=["alone", "stacks"])
def trainer(request, monkeypatch):
    """Network after network, as on a CPU; and in torch's stacks, as elsewhere, though here on the CPU too."""
    if request.param == "stacks":
        monkeypatch.setattr(deep, "CPU", "none")


@pytest.fixture
def in_stacks(monkeypatch):
    monkeypatch.setattr(deep, "CPU", "none")


def problem_of(n_lines, n_features, seed, noise=1.0):
    return Problem(*signal(n_lines, n_features, seed, noise=noise), seed, STREAM)


def same(a, b):
    assert (a.status, a.reason, dict(a.parameters)) == (b.status, b.reason, dict(b.parameters))
    assert {k: v.tobytes() for k, v in a.arrays().items()} == {k: v.tobytes() for k, v in b.arrays().items()}


@pytest.mark.usefixtures("impatient", "trainer")
def test_equals_a_plain_loop_over_torch():
    """Rounding differs (padding, order of sums), and training carries it on; hence 1e-4, not 1e-6."""
    problems = [problem_of(120, 7, 0), problem_of(120, 33, 1, noise=0.3), problem_of(120, 60, 2)]
    for problem, fitted in zip(problems, Deep().fit(problems), strict=True):
        predict, best, run, rmse, *_ = deep_slow(
            problem.features, problem.effect, problem.seed, STREAM, epochs=40, patience=6
        )
        assert fitted.status == "ok", fitted.reason
        assert (fitted.parameters["epochs"], fitted.parameters["epochs_run"]) == (best, run)
        assert fitted.parameters["held_out_rmse"] == pytest.approx(rmse, rel=1e-4)
        unseen, _ = signal(50, problem.n_features, 9)
        np.testing.assert_allclose(fitted.predict(unseen), predict(unseen), rtol=0, atol=1e-4)


def test_equals_a_plain_loop_to_the_end_with_the_patience_of_the_method():
    problem = problem_of(80, 5, 3)
    (fitted,) = Deep().fit([problem])
    predict, best, run, *_ = deep_slow(problem.features, problem.effect, problem.seed, STREAM)
    assert (fitted.parameters["epochs"], fitted.parameters["epochs_run"]) == (best, run)
    assert run == best + 100
    np.testing.assert_allclose(fitted.predict(problem.features), predict(problem.features), rtol=0, atol=1e-3)


@pytest.mark.usefixtures("trainer")
def test_the_refit_trains_on_all_lines_for_the_trials_epochs():
    problems = [problem_of(90, 6, 5), problem_of(90, 6, 6)]
    fits = Deep().refit(problems, [{"epochs": 3, "epochs_run": 103}, {"epochs": 9, "epochs_run": 109}])
    for problem, fitted, epochs in zip(problems, fits, (3, 9), strict=True):
        predict = deep_slow_whole(problem.features, problem.effect, problem.seed, STREAM, epochs)
        np.testing.assert_allclose(
            fitted.predict(problem.features), predict(problem.features), rtol=0, atol=1e-5
        )
        assert fitted.parameters == {"epochs": epochs, "epochs_run": epochs + 100}


@pytest.mark.usefixtures("impatient")
def test_automatic_selection_hands_the_trials_epochs_to_the_refit():
    problem = problem_of(100, 5, 7)
    (choice,) = choose([problem], [Deep()])
    kept, _ = validation_split(problem)
    (trial,) = Deep().fit([problem.take(kept)])
    assert choice.trials[0].parameters == trial.parameters
    same(choice.fitted, Deep().refit([problem], [trial.parameters])[0])


@pytest.mark.long
@pytest.mark.usefixtures("impatient", "trainer")
def test_a_network_is_the_same_in_any_company_stack_and_slot():
    """More than one stack of 16, widths 60 and 120, two numbers of lines, two folds; one torch thread."""
    problems = [problem_of(100, 1 + 3 * i, i) for i in range(21)]
    problems += [problem_of(77, 4, 30), replace(problem_of(100, 4, 31), fold_seed=8)]
    together = Deep().fit(problems)
    assert {f.status for f in together} == {"ok"}
    same_backwards = Deep(slots=16).fit(problems[::-1])[::-1]
    for fitted, other in zip(together, same_backwards, strict=True):
        same(fitted, other)
    for i in (0, 7, 20, 21, 22):
        same(together[i], Deep().fit([problems[i]])[0])
    trials = [{"epochs": 2 + i % 5} for i in range(len(problems))]
    refits = Deep().refit(problems, trials)
    for i in (3, 20, 22):
        same(refits[i], Deep().refit([problems[i]], [trials[i]])[0])


@pytest.mark.usefixtures("impatient")
def test_the_folds_stream_matters_and_torchs_own_seed_does_not():
    problem = problem_of(60, 4, 1)
    (before,) = Deep().fit([problem])
    torch.manual_seed(99)
    same(before, Deep().fit([problem])[0])
    (other,) = Deep().fit([replace(problem, fold_seed=STREAM + 1)])
    assert other.arrays()["weights_0"].tobytes() != before.arrays()["weights_0"].tobytes()


@pytest.mark.usefixtures("impatient", "trainer")
def test_a_loss_that_is_not_finite_fails_alone():
    good = [problem_of(60, 4, i) for i in range(3)]
    # More than float32 holds: the loss is infinite or NaN from the first batch on.
    planted = Problem(good[0].features, good[0].effect * 1e60, 0, STREAM)
    fits = Deep().fit([good[0], planted, *good[1:]])
    assert [f.status for f in fits] == ["ok", "failed", "ok", "ok"]
    assert fits[1].reason == "the loss is not finite in epoch 1"
    for problem, fitted in zip(good, (fits[0], *fits[2:]), strict=True):
        same(fitted, Deep().fit([problem])[0])
    refits = Deep().refit([planted, good[0]], [{"epochs": 4}, {"epochs": 4}])
    assert [f.status for f in refits] == ["failed", "ok"]


@pytest.mark.usefixtures("impatient")
def test_the_device_reaches_every_network_and_is_torchs_to_refuse():
    ols, alone, pair = candidates_of(("ols", "deep", "xgboost+deep"), device="cuda")
    assert (ols, alone.device, pair.parts[1].device) == (BUILT["ols"], "cuda", "cuda")
    with pytest.raises(RuntimeError, match="nowhere"):
        Deep(device="nowhere").fit([problem_of(40, 2, 0)])


@pytest.mark.parametrize("device", DEVICES)
def test_another_device_agrees_with_the_cpu(device):
    problems = [problem_of(90, 6, i) for i in range(20)]
    trials = [{"epochs": 10}] * 20
    here, there = Deep().refit(problems, trials), Deep(device=device).refit(problems, trials)
    for problem, a, b in zip(problems, here, there, strict=True):
        np.testing.assert_allclose(b.predict(problem.features), a.predict(problem.features), atol=1e-4)


def test_a_tenth_is_validation_by_the_seed():
    for n_lines, seed in [(30, 0), (101, 2**62)]:
        split = deep.validation_split(Problem(*signal(n_lines, 2, 0), seed))
        for ours, theirs in zip(split, held_out_rows(n_lines, seed), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("impatient", "in_stacks")
def test_torch_gets_its_threads_back():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Deep().fit([problem_of(40, 2, 0)])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.usefixtures("impatient")
def test_xgboost_and_deep_is_the_mean_of_both():
    problem = problem_of(90, 6, 2)
    pair = BUILT["xgboost+deep"]
    (fitted,) = pair.fit([problem])
    parts = {name: BUILT[name].fit([problem])[0] for name in ("xgboost", "deep")}
    unseen, _ = signal(40, 6, 3)
    mean = (parts["xgboost"].predict(unseen) + parts["deep"].predict(unseen)) / 2
    assert fitted.predict(unseen).tobytes() == mean.tobytes()
    assert fitted.parameters["deep.epochs"] == parts["deep"].parameters["epochs"]
    assert fitted.parameters["xgboost.rounds"] == parts["xgboost"].parameters["rounds"]
    assert isinstance(pair, Refits)
    (refitted,) = pair.refit([problem], [fitted.parameters])
    deep_refit = Deep().refit([problem], [parts["deep"].parameters])[0]
    mean = (parts["xgboost"].predict(unseen) + deep_refit.predict(unseen)) / 2
    assert refitted.predict(unseen).tobytes() == mean.tobytes()


@pytest.mark.usefixtures("impatient")
def test_the_mean_fails_with_the_part_that_fails():
    planted = Problem(problem_of(60, 4, 0).features, problem_of(60, 4, 0).effect * 1e60, 0, STREAM)
    (fitted,) = BUILT["xgboost+deep"].fit([planted])
    assert fitted.status == "failed"
    assert "deep: the loss is not finite" in fitted.reason
