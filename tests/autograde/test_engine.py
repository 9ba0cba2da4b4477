"""The engine on throw-away exercises: what an answer does wrong, what the report says, and what it costs."""

import cProfile
import os
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from torch.optim.sgd import sgd as functional_sgd

from autograde.bank import bank, find
from autograde.judge.exercise import Exercise, GradedTest, grade
from autograde.judge.runner import run
from tests.patience import HANG_SECONDS


def double(x):
    if isinstance(x, float) and x < 0:
        raise ValueError("x must not be negative")
    return 2 * x


def messages(report):
    return [test.message for test in report.tests]


def test_right_answer_gets_full_marks_and_titles(exercises):
    report = run(exercises.DOUBLE, {"f": double})
    assert report.full and report.points == report.max_points == 3.0
    assert [test.title for test in report.tests] == ["Twice the input", "A negative number is refused"]
    assert messages(report) == ["", ""]


def test_partial_credit(exercises):
    report = run(exercises.DOUBLE, {"f": lambda x: 2 * x})
    assert (report.points, report.max_points, report.full) == (2.0, 3.0, False)
    assert messages(report) == ["", "accepted x = -1: raise ValueError naming `x`"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: None, "`f(x)` returned None: is `return` missing?"),
        (lambda x: x.tolist(), "`f(x)` returned a list, expected a tensor of shape (3,)"),
        (lambda x: (2 * x)[None], "`f(x)` has shape (1, 3), expected shape (3,)"),
        (lambda x: x / 0 * 0, "`f(x)` has 3 NaN entries where finite values are expected"),
        (lambda x: x.abs() / 0, "`f(x)` has 3 infinite entries where finite values are expected"),
        (lambda x: x * x, "The input is squared"),
        (lambda x: -2 * x, "`f(x)` has the wrong sign: it is -1 times the expected value"),
        (lambda x: x, "`f(x)` is 1/2 times the expected value"),
        (lambda x: 0 * x, "`f(x)` is all zeros, expected ["),
        (lambda x: 2 * x + 1, "at entry "),
        (lambda x: x > 0, "`f(x)` has dtype bool, expected real numbers"),
        (lambda x: x.mul_(2), "`f` changed its input `x` in place: work on a copy"),
        (lambda x: 1 / 0, "`f` raised ZeroDivisionError (division by zero) at line "),
        (lambda x: sys.exit(3), "`f` raised SystemExit (3) at line "),
    ],
)
def test_each_mistake_has_its_sentence(exercises, function, message):
    result = run(exercises.DOUBLE, {"f": function}).tests[0]
    assert not result.passed and result.points == 0
    assert message in result.message and "\n" not in result.message


def test_missing_and_unanswered(exercises):
    def starter(x):
        raise NotImplementedError()

    report = run(exercises.DOUBLE, {})
    assert messages(report) == ["`f` is not defined: run the cell that defines it first"] * 2 and report.points == 0
    assert all("not answered yet" in message for message in messages(run(exercises.DOUBLE, {"f": starter})))
    assert "`f` is a int, not a function" in messages(run(exercises.DOUBLE, {"f": 3}))[0]


def own_optimizer(x):
    class Mine(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": 1.0})

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(2)

    parameter = torch.nn.Parameter(double(x).clone() / 2)
    optimizer = Mine([parameter])
    schedule = type("S", (torch.optim.lr_scheduler.LRScheduler,), {"get_lr": lambda self: [1.0]})(optimizer)
    optimizer.step()
    schedule.step()
    return parameter


def torch_sgd(x):
    parameter = torch.nn.Parameter(x.clone())
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    parameter.grad = -x
    optimizer.step()
    return double(parameter.detach() / 2)


class Renamed(torch.optim.Adam):
    pass


def torch_scheduler(x):
    base = torch.optim.Optimizer([torch.nn.Parameter(torch.ones(1))], {"lr": 1})
    torch.optim.lr_scheduler.LambdaLR(base, len)
    return double(x)


def torch_functional(x):
    functional_sgd([x.clone()], [x], [None], weight_decay=0, momentum=0, lr=-1.0, dampening=0, nesterov=False,
                        maximize=False, has_sparse_grad=False, foreach=False)  # fmt: skip
    return double(x)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch_sgd, "torch.optim.SGD"),
        (lambda x: (Renamed([torch.nn.Parameter(torch.ones(1))]), double(x))[1], "torch.optim.Adam"),
        (torch_scheduler, "LambdaLR"),
        (torch_functional, "torch.optim.sgd"),
    ],
)
def test_delegation_costs_the_whole_exercise(exercises, function, name):
    def only_for_tensors(x):
        return function(x) if isinstance(x, torch.Tensor) else double(x)

    report = run(exercises.DOUBLE, {"f": only_for_tensors})
    assert report.points == 0, report.text()
    for message in messages(report):
        assert "delegates to PyTorch's own" in message and name in message


def test_an_optimizer_built_earlier_and_only_stepped_is_delegation(exercises):
    parameter = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)

    def f(x):
        optimizer.step()
        return double(x)

    assert run(exercises.DOUBLE, {"f": f}).points == 0


def test_own_optimizer_subclass_is_not_delegation(exercises):
    report = run(exercises.DOUBLE, {"f": own_optimizer})
    assert report.full, report.text()


def swallows_everything(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def sleeps(x):
    time.sleep(2 * HANG_SECONDS)


@pytest.mark.parametrize("function", [swallows_everything, sleeps])
def test_time_limit(exercises, function):
    """The limit ends both, and the test after it has a limit of its own."""
    report = run(exercises.SLOW, {"f": lambda x: function(x) if x else None})
    assert messages(report) == ["`f` took more than 1 s: is there an endless loop?", ""]


def test_swallowing_the_alarm_once_does_not_pass(exercises):
    def f(x):
        try:
            while x:
                pass
        except BaseException:
            return None

    assert "took more than" in messages(run(exercises.SLOW, {"f": f}))[0]


def test_alarm_and_handler_of_the_caller_survive(exercises):
    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 30)
        run(exercises.SLOW, {"f": lambda x: None})
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        assert 0 < left <= 30
        os.kill(os.getpid(), signal.SIGALRM)
        assert rang == [True]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_works_outside_the_main_thread(exercises):
    reports = []
    thread = threading.Thread(target=lambda: reports.append(run(exercises.DOUBLE, {"f": double})))
    thread.start()
    thread.join()
    assert reports[0].full


def test_noise_costs_nothing_and_is_not_seen(exercises, capfd):
    def noisy(x):
        print("printed")
        print("to stderr", file=sys.stderr)
        os.write(2, b"from below\n")
        warnings.warn("careful", stacklevel=1)
        return double(x)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(exercises.DOUBLE, {"f": noisy}).full
    assert capfd.readouterr() == ("", "")


def test_same_seed_same_inputs(exercises):
    def record(log):
        return lambda *arguments: log.append(arguments)

    logs = {}
    for key, seed in [("a", 3), ("b", 3), ("c", 4)]:
        run(exercises.INPUTS, {"f": record(logs.setdefault(key, []))}, seed=seed)
        torch.manual_seed(len(logs))  # the state outside must not matter
    assert logs["a"][0] == logs["b"][0]
    assert logs["a"][0] != logs["c"][0] and [log[0][1] for log in (logs["a"], logs["c"])] == [3, 4]


def test_mutation_inside_containers_is_named(exercises):
    def f(x, *_):
        if isinstance(x[0], torch.Tensor):
            x[1]["w"] += 1

    sentence = "`f` changed its input `x[1]['w']` in place: work on a copy (no points for this exercise)"
    assert set(messages(run(exercises.INPUTS, {"f": f}))) == {sentence}


def test_global_state_comes_back(exercises):
    def f(x):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.manual_seed(1)
        np.random.seed(1)
        os.environ["LEFT_BEHIND"] = "1"
        return double(x)

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    path = list(sys.path)
    assert run(exercises.DOUBLE, {"f": f}).full
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
    assert "LEFT_BEHIND" not in os.environ and sys.path == path and sys.getprofile() is None


def test_requires_grad_on_an_input_is_a_note_only(exercises):
    report = run(
        exercises.DOUBLE, {"f": lambda x: double(x.requires_grad_(True) if isinstance(x, torch.Tensor) else x)}
    )
    assert report.full and any("requires_grad" in note for note in report.tests[0].notes)


def test_returned_functions_are_guarded(exercises):
    def f(c):
        return lambda t: c / (t - 4.0)

    message = messages(run(exercises.BUILT, {"f": f}))[0]
    assert message.startswith("the function returned by `f` raised ZeroDivisionError")
    assert run(exercises.BUILT, {"f": lambda c: lambda t: c * t}).full


def test_a_test_that_trips_fails_closed_and_the_next_one_runs(exercises):
    report = run(exercises.BROKEN, {"f": lambda x: 1})
    assert [test.passed for test in report.tests] == [False, True]
    assert "could not use what `f` returned: AttributeError" in report.tests[0].message
    assert report.tests[1].notes == ("this one ran",)


def test_interrupt_fails_closed(exercises):
    def f(x):
        raise KeyboardInterrupt

    assert run(exercises.DOUBLE, {"f": f}).points == 0


def test_hidden_tests_show_no_numbers(exercises):
    def loud(x):
        raise RuntimeError(str(x))

    for function in (lambda x: x + 1, lambda x: 0 * x, lambda x: x.sum(), lambda x: x / 0, loud, lambda x: x.mul_(2)):
        message = messages(run(exercises.HIDDEN, {"f": function}))[0]
        assert message and "31" not in message and "63" not in message, message


def test_user_configuration_does_not_interfere(exercises, tmp_path, monkeypatch):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\npython_functions = nothing\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('conftest was loaded')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    assert run(exercises.DOUBLE, {"f": double}).full
    assert os.environ["PYTEST_ADDOPTS"] == "--collect-only"


def test_under_a_profiler(exercises):
    with cProfile.Profile():
        assert run(exercises.DOUBLE, {"f": double}).full
        assert run(exercises.DOUBLE, {"f": torch_sgd}).points == 0


def test_grade_refuses_bad_points_and_double_names():
    exercise = Exercise("so-x", "none", 1, "x", ("f",), 1, 1)

    def test_something(answer):
        pass

    for points in (0, -1, float("nan"), "2"):
        with pytest.raises(ValueError, match="points"):
            grade(exercise, points=points)
    grade(exercise, points=1)(test_something)
    assert isinstance(exercise.tests["test_something"], GradedTest)
    with pytest.raises(ValueError, match="two tests named test_something"):
        grade(exercise, points=1)(test_something)


def test_unknown_exercise_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'so-sgd'"):
        find("so-sgb")


def test_bank_is_complete_and_consistent():
    exercises = bank()
    assert {"so-minibatch-gradient", "so-gradient-variance", "so-sgd", "so-samples-to-target", "so-critical-batch-knee",
            "so-robbins-monro"} <= set(exercises)  # fmt: skip
    for exercise in exercises.values():
        assert exercise.max_points > 0 and exercise.functions
        assert 1 <= exercise.difficulty <= 5 and exercise.minutes > 0
