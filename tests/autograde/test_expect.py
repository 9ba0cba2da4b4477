"""Comparisons: what is accepted, with which note, and what is refused in which words."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograde.judge.expect import Mistake, Situation, expect_close, expect_equal, expect_error, situation

WANT = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)


@pytest.fixture
def notes():
    current = Situation()
    token = situation.set(current)
    yield current.notes
    situation.reset(token)


def mistake(call, *arguments, **options):
    with pytest.raises(Mistake) as caught:
        call(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    "got",
    [
        WANT.clone(),
        WANT.repeat_interleave(2)[::2],
        WANT.clone().requires_grad_(),
        torch.nn.Parameter(WANT.clone()),
        WANT * (1 + 1e-10),
    ],
)
def test_right_tensors_pass_without_a_note(got, notes):
    expect_close(got, WANT, name="f()")
    assert notes == []


@pytest.mark.parametrize(
    ("got", "expected", "text"),
    [
        (WANT.float() * (1 + 1e-6), WANT, "float32"),
        (WANT.numpy(), WANT, "NumPy array"),
        (torch.tensor(2.0, dtype=torch.float64), 2.0, "0-dimensional tensor"),
        (torch.tensor(2.0), 2.0, "0-dimensional tensor"),
        (np.float64(2.0), 2.0, "NumPy scalar"),
        (np.float32(2.0), 2.0, "NumPy scalar"),
        (np.int64(2), 2.0, "NumPy scalar"),
    ],
)
def test_other_right_forms_pass_with_a_note(got, expected, text, notes):
    expect_close(got, expected, name="f()")
    assert len(notes) == 1 and text in notes[0]


def test_integers_infinities_and_nans_compare(notes):
    expect_close(2, 2.0, name="f()")
    expect_close(float("inf"), float("inf"), name="f()")
    expect_close(float("nan"), float("nan"), name="f()")
    assert "infinite, expected" in mistake(expect_close, float("inf"), -float("inf"), name="f()")
    assert "expected inf" in mistake(expect_close, 2.0, float("inf"), name="f()")


class AlwaysEqualTensor(torch.Tensor):
    def __eq__(self, other):
        return torch.ones(self.shape, dtype=torch.bool)


class AlwaysEqualFloat(float):
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

    __hash__ = None


class AlwaysEqualInt(int):
    def __eq__(self, other):
        return True

    __hash__ = None


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None

    @property
    def __class__(self):
        return torch.Tensor


def test_subclasses_and_impostors_are_refused():
    impostor = WANT.clone().as_subclass(AlwaysEqualTensor)
    assert "returned a AlwaysEqualTensor" in mistake(expect_close, impostor, WANT, name="f()")
    for value in (AlwaysEqualFloat(2.0), AlwaysEqual(), True, "2.0", 2j, [2.0]):
        assert "returned a" in mistake(expect_close, value, 2.0, name="f()")
        assert "returned a" in mistake(expect_close, value, WANT, name="f()")
    for value in (AlwaysEqualInt(2), AlwaysEqual(), True, [2]):
        assert "returned a" in mistake(expect_equal, value, 2, name="f()")


def test_precision_is_that_of_the_result():
    assert mistake(expect_close, WANT + 1e-6, WANT, name="f()")
    expect_close((WANT + 1e-6).float(), WANT, name="f()")
    expect_close(WANT + 1e-6, WANT, name="f()", rtol=1e-5)
    expect_close(WANT + 1e-6, WANT, name="f()", atol=1e-5)
    assert mistake(expect_close, (WANT + 1e-2).float(), WANT, name="f()")
    expect_close(1e-16, 0.0, name="f()")
    assert mistake(expect_close, 1e-6, 0.0, name="f()")


def test_mistakes_need_to_differ_from_the_expected_value():
    table = {"same as right": WANT, "fails": lambda: 1 / 0, "none": lambda: None, "halved": lambda: WANT / 2}
    assert mistake(expect_close, WANT / 2, WANT, name="f()", mistakes=table) == "halved"
    assert "at entry" in mistake(expect_close, WANT + 1, WANT, name="f()", mistakes=table)


def test_a_mistake_can_have_another_shape_or_be_infinite():
    table = {"a sum came back": WANT.sum(), "log of zero": torch.full((3,), -torch.inf)}
    assert mistake(expect_close, WANT.sum(), WANT, name="f()", mistakes=table) == "a sum came back"
    assert mistake(expect_close, torch.log(torch.zeros(3)), WANT, name="f()", mistakes=table) == "log of zero"
    assert mistake(expect_close, WANT[:2], WANT, name="f()") == "`f()` has shape (2,), expected shape (3,)"


def test_factors():
    assert mistake(expect_close, WANT / 7, WANT, name="f()", factors={"divided by d": 1 / 7}) == "divided by d"
    assert "2/3 times" in mistake(expect_close, WANT * 2 / 3, WANT, name="f()")
    assert "0.837264 times" in mistake(expect_close, WANT * 0.8372641, WANT, name="f()")
    assert mistake(expect_close, 2.3456, 1.0, name="f()") == "`f()` is 2.3456, expected 1"
    assert "2 times" in mistake(expect_close, 2.6, 1.3, name="f()")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6),
    st.floats(-1e6, 1e6),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_wrong_values_always_give_one_sentence(entries, offset, dtype):
    want = torch.tensor(entries, dtype=torch.float64)
    got = (want + offset).to(dtype)
    scale = max(want.abs().max().item(), 1e-3)
    if abs(offset) > 1e-2 * scale:
        text = mistake(expect_close, got, want, name="f()")
        assert text.startswith("`f()`") and "\n" not in text
    expect_close(want.to(dtype), want, name="f()")


def test_expect_equal():
    expect_equal(3, 3, name="f()")
    expect_equal(None, None, name="f()")
    expect_equal(True, True, name="f()")
    expect_equal(np.int64(3), 3, name="f()")
    expect_equal(torch.tensor(3), 3, name="f()")
    expect_equal(3.0, 3, name="f()")
    assert mistake(expect_equal, None, 3, name="f()") == "`f()` returned None: is `return` missing?"
    assert mistake(expect_equal, 4, 3, name="f()", mistakes={"one more": 4}) == "one more"
    assert mistake(expect_equal, None, 3, name="f()", mistakes={"never": None}) == "never"
    assert mistake(expect_equal, -1, None, name="f()") == "`f()` is -1, expected None"
    assert mistake(expect_equal, 1, True, name="f()") == "`f()` returned a int, expected a bool"
    assert mistake(expect_equal, float("nan"), 3, name="f()") == "`f()` is nan, expected 3"


def raiser(error):
    def call(*_):
        raise error

    return call


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("batch_size must be positive", ("batch_size",)),
        ("Batch size must be positive", ("batch_size",)),
        ("need batchsize > 0", ("batch_size",)),
        ("t must be >= 0", ("t",)),
        ("X has 3 dimensions", ("X",)),
        ("labels do not match", ("y", "labels")),
    ],
)
def test_expect_error_accepts(text, names):
    expect_error(raiser(ValueError(text)), 0, names=names, what="this")


def test_expect_error_refuses():
    options = {"names": ("t",), "what": "t = -1"}
    assert mistake(expect_error, lambda t: t, -1, **options) == "accepted t = -1: raise ValueError naming `t`"
    assert mistake(expect_error, raiser(KeyError("t")), -1, **options).startswith("raised KeyError for t = -1")
    assert "does not name `t`" in mistake(expect_error, raiser(ValueError("must not be negative")), -1, **options)
    assert "not answered yet" in mistake(expect_error, raiser(NotImplementedError()), -1, **options)
