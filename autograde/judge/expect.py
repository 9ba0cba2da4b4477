"""Comparisons that say which mistake a wrong result looks like.

Every function raises `Mistake`, whose text is one sentence for the learner, or returns None.
"""

from __future__ import annotations

import contextvars
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch


class Mistake(AssertionError):
    """A wrong answer; the text is one sentence that says what is wrong."""


class KnownMistake(Mistake):
    """A result that a typical mistake gives, on this very input."""


class AnswerError(Mistake):
    """The answer raised an exception, kept in `error`."""

    def __init__(self, message: str, error: BaseException):
        super().__init__(message)
        self.error = error


@dataclass
class Situation:
    """The test that is running: where its notes go, and whether numbers may be shown."""

    hidden: bool = False
    notes: list[str] = field(default_factory=list)


situation: contextvars.ContextVar[Situation | None] = contextvars.ContextVar("autograde_situation", default=None)


def note(text: str) -> None:
    """Add a remark to the report of the current test; it costs no points."""
    current = situation.get()
    if current is not None and text not in current.notes:
        current.notes.append(text)


def hidden() -> bool:
    current = situation.get()
    return current is not None and current.hidden


# Exact types only: a subclass can redefine comparison and claim to equal everything.
TENSORS = (torch.Tensor, torch.nn.Parameter)
ARRAYS = (np.ndarray,)
NUMPY_FLOATS = (np.float64, np.float32, np.float16, np.longdouble)
NUMPY_INTEGERS = (np.int64, np.int32, np.int16, np.int8, np.uint64, np.uint32, np.uint16, np.uint8)
LOW_PRECISION = (torch.float32, torch.float16, torch.bfloat16)
Value = torch.Tensor | float | int


def expect_close(
    got: object,
    expected: Value,
    *,
    name: str,
    mistakes: Mapping[str, Value | Callable[[], Value]] | None = None,
    factors: Mapping[str, float] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
) -> None:
    """Raise `Mistake` unless `got` equals `expected` (a tensor of any shape, or a number) within tolerance.

    `name` says in code what was called. `mistakes` maps a sentence to the value which that mistake gives (or to a
    function that computes it), `factors` maps a sentence to the factor by which a result is then wrong.
    The tolerance is 1e-8 for float64 results and 1e-4 for float32 ones, times the largest entry of `expected`;
    `rtol` replaces that factor and `atol` is added.
    """
    wants_tensor = isinstance(expected, torch.Tensor)
    want = as_float64(expected)
    value = as_tensor(got, name, want.shape if wants_tensor else None)
    precision = low_precision(value.dtype) or (wants_tensor and low_precision(expected.dtype))
    if rtol is None:
        rtol = 1e-4 if precision else 1e-8
    floor = 1e-7 if precision else 1e-13
    have = value.to(torch.float64)

    def close(one: torch.Tensor, other: torch.Tensor) -> bool:
        return equal_within(one, other, rtol, atol + floor)

    sentences = matching_sentences(have, want, mistakes or {}, close)
    if have.shape != want.shape:
        if sentences:
            raise KnownMistake(sentences[0])
        raise Mistake(f"{quote(name)} has shape {shape(have)}, expected shape {shape(want)}")
    bad = ~torch.isfinite(have) & ~same_nonfinite(have, want)
    if bad.any():
        if sentences:
            raise KnownMistake(sentences[0])
        raise Mistake(describe_nonfinite(name, have, want, bad))
    if close(have, want):
        if wants_tensor and expected.dtype == torch.float64 and low_precision(value.dtype):
            note(f"{quote(name)} came back as {dtype_name(value)}: it was compared at that precision")
        return
    if sentences:
        raise KnownMistake(sentences[0])
    for sentence, factor in (factors or {}).items():
        if close(have, want * factor) and not close(want, want * factor):
            raise KnownMistake(sentence)
    raise Mistake(describe_factor(name, have, want, close) or describe_difference(name, have, want))


def expect_number(
    got: object,
    expected: float,
    *,
    name: str,
    mistakes: Mapping[str, object],
    tensors: Mapping[str, torch.Tensor] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
) -> None:
    """`expect_close` for a scalar; `tensors` maps a sentence to the tensor that a forgotten reduction leaves behind.

    A Python float does not show the precision it was computed in, so one that agrees to float32 precision passes
    with a note, unless it is what a known mistake returns.
    """
    if isinstance(got, (torch.Tensor, np.ndarray)) and got.ndim > 0:
        for sentence, value in (tensors or {}).items():
            if tuple(got.shape) == tuple(value.shape) and matches(got, value, name):
                raise KnownMistake(sentence)
    try:
        expect_close(got, expected, name=name, mistakes=mistakes, rtol=rtol, atol=atol)
    except Mistake as mistake:
        single = type(got) in (float, np.float64) and math.isfinite(got) and math.isfinite(expected)
        single = single and abs(got - expected) <= 2e-6 * abs(expected)
        if not single or str(mistake) in mistakes:
            raise
        note(f"`{name}` is accurate to about six digits: was it computed in float32?")


def matches(got: object, value: object, name: str) -> bool:
    """Whether `expect_close` accepts `got` for `value`."""
    try:
        expect_close(got, value, name=name)
    except Mistake:
        return False
    return True


def expect_equal(got: object, expected: object, *, name: str, mistakes: Mapping[str, object] | None = None) -> None:
    """Raise `Mistake` unless `got` is `expected`: an int, a bool, a str or None. Exact types, as in `expect_close`."""
    value = plain(got)
    if same(value, expected):
        if type(got) is not type(expected):
            note(f"{quote(name)} is a {type_name(got)}; a plain {type_name(expected)} was asked for")
        return
    for sentence, wrong in (mistakes or {}).items():
        wrong = evaluate(wrong)
        if wrong is not SKIPPED and same(value, wrong) and not same(wrong, expected):
            raise KnownMistake(sentence)
    if got is None:
        raise Mistake(f"{quote(name)} returned None: is `return` missing?")
    known = value is None or type(value) in (bool, int, float, str)
    if not known or (expected is not None and (type(value) is bool) != (type(expected) is bool)):
        raise Mistake(f"{quote(name)} returned a {type_name(got)}, expected a {type_name(expected)}")
    if hidden():
        raise Mistake(f"{quote(name)} is not the expected value")
    raise Mistake(f"{quote(name)} is {short(value)}, expected {short(expected)}")


def expect_error(call: Callable, *arguments: object, names: Sequence[str], what: str) -> None:
    """Raise `Mistake` unless `call(*arguments)` raises a ValueError that names one of `names`.

    Upper and lower case, underscores and spaces make no difference; names of one or two letters must be whole words.
    `what` describes the bad input to the learner, as in "batch size 0".
    """
    wanted = quote(names[0])
    try:
        call(*arguments)
    except AnswerError as wrapper:
        error = wrapper.error
    except Mistake:
        raise
    except Exception as raised:
        error = raised
    else:
        raise Mistake(f"accepted {what}: raise ValueError naming {wanted}")
    if isinstance(error, NotImplementedError):
        raise Mistake("not answered yet")
    if not isinstance(error, ValueError):
        raise Mistake(f"raised {type(error).__name__} for {what}: raise ValueError naming {wanted}")
    if not any(names_it(error_text(error), name) for name in names):
        raise Mistake(f"the ValueError for {what} does not name {wanted}")


# The rest turns values into tensors and differences into sentences.


def as_tensor(got: object, name: str, wanted: torch.Size | None) -> torch.Tensor:
    """`got` as a detached tensor on the CPU; `wanted` is None where a number is expected."""
    kind = type(got)
    if got is None:
        raise Mistake(f"{quote(name)} returned None: is `return` missing?")
    asked = "a number" if wanted is None else f"a tensor of shape {tuple(wanted)}"
    plain_kind = "Python float" if wanted is None else "torch.Tensor"
    if kind in TENSORS:
        value = got.detach()
        if value.layout is not torch.strided:
            value = value.to_dense()
        value = value.cpu()
        if wanted is None and value.dim() == 0:
            note(f"{quote(name)} is a 0-dimensional tensor; a Python float was asked for")
        elif wanted is None:
            raise Mistake(f"{quote(name)} returned a tensor of shape {shape(value)}, expected {asked}")
    elif kind in ARRAYS and (wanted is not None or got.ndim == 0):
        note(f"{quote(name)} is a NumPy array; a {plain_kind} was asked for")
        if got.dtype.kind not in "fiu":
            raise Mistake(f"{quote(name)} returned a NumPy array of {got.dtype}, expected {asked}")
        value = torch.from_numpy(got.astype(got.dtype.newbyteorder("=")))
    elif kind in NUMPY_FLOATS + NUMPY_INTEGERS and (wanted is None or len(wanted) == 0):
        note(f"{quote(name)} is a NumPy scalar; a {plain_kind} was asked for")
        value = torch.from_numpy(np.asarray(got, dtype=None if kind in (np.float64, np.float32) else np.float64).copy())
    elif kind in (float, int) and (wanted is None or len(wanted) == 0):
        if wanted is not None:
            note(f"{quote(name)} is a Python number; a tensor was asked for")
        try:
            value = torch.tensor(float(got), dtype=torch.float64)
        except OverflowError:
            raise Mistake(f"{quote(name)} is an integer too large for a float") from None
    else:
        raise Mistake(f"{quote(name)} returned a {type_name(got)}, expected {asked}")
    if value.is_complex() or value.dtype == torch.bool:
        raise Mistake(f"{quote(name)} has dtype {dtype_name(value)}, expected real numbers")
    return value


def as_float64(value: Value) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().to(torch.float64)
    return torch.tensor(float(value), dtype=torch.float64)


def low_precision(dtype: torch.dtype) -> bool:
    return dtype in LOW_PRECISION


def same_nonfinite(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (torch.isnan(one) & torch.isnan(other)) | (torch.isinf(one) & (one == other))


def equal_within(have: torch.Tensor, want: torch.Tensor, rtol: float, atol: float) -> bool:
    if have.shape != want.shape:
        return False
    finite = torch.isfinite(want)
    scale = want[finite].abs().max().item() if finite.any() else 0.0
    near = finite & ((have - want).abs() <= atol + rtol * scale)
    return bool((near | same_nonfinite(have, want)).all())


SKIPPED = object()


def evaluate(value: object) -> object:
    """The value of a mistake; `SKIPPED` when computing it fails, as it may for some inputs."""
    if not callable(value):
        return value
    try:
        return value()
    except Exception:
        return SKIPPED


def matching_sentences(
    have: torch.Tensor, want: torch.Tensor, mistakes: Mapping, close: Callable[[torch.Tensor, torch.Tensor], bool]
) -> list[str]:
    """Sentences whose value `have` equals, leaving out those that the expected value equals too."""
    if have.shape == want.shape and close(have, want):
        return []
    found = []
    for sentence, value in mistakes.items():
        value = evaluate(value)
        if value is SKIPPED or value is None:
            continue
        wrong = as_float64(value)
        if close(have, wrong) and not close(want, wrong):
            found.append(sentence)
    return found


def describe_nonfinite(name: str, have: torch.Tensor, want: torch.Tensor, bad: torch.Tensor) -> str:
    kind = "NaN" if torch.isnan(have[bad]).any() else "infinite"
    if have.dim() == 0:
        return f"{quote(name)} is {kind}, expected {'a finite number' if torch.isfinite(want) else describe(want)}"
    count = int(bad.sum())
    return f"{quote(name)} has {count} {kind} {plural(count, 'entry', 'entries')} where finite values are expected"


def describe_factor(name: str, have: torch.Tensor, want: torch.Tensor, close: Callable) -> str | None:
    """A sentence when `have` is a constant multiple of `want`."""
    if not (torch.isfinite(want).all() and torch.isfinite(have).all()):
        return None
    square = (want * want).sum().item()
    if square == 0.0 or not math.isfinite(square):
        return None
    if not have.any():
        return f"{quote(name)} is {'zero' if have.dim() == 0 else 'all zeros'}, expected {describe(want)}"
    factor = (have * want).sum().item() / square
    if factor == 0.0 or not close(have, want * factor):
        return None
    if abs(factor + 1) < 1e-6:
        return f"{quote(name)} has the wrong sign: it is -1 times the expected value"
    fraction = Fraction(factor).limit_denominator(64)
    nice = abs(float(fraction) - factor) <= 1e-6 * abs(factor) and abs(fraction.numerator) <= 1024
    if not nice and int((want != 0).sum()) < 2:
        return None  # any two numbers are multiples of each other
    return f"{quote(name)} is {fraction if nice else format(factor, '.6g')} times the expected value"


def describe_difference(name: str, have: torch.Tensor, want: torch.Tensor) -> str:
    if have.dim() == 0:
        if hidden():
            return f"{quote(name)} is {'too large' if have > want else 'too small'}"
        return f"{quote(name)} is {describe(have)}, expected {describe(want)}"
    gap = torch.nan_to_num((have - want).abs(), nan=math.inf)
    place = tuple(int(i) for i in np.unravel_index(int(gap.argmax()), tuple(gap.shape)))
    where = f"entry {place[0] if len(place) == 1 else place}"
    if hidden():
        return f"{quote(name)} has the right shape but wrong values; the largest difference is at {where}"
    return f"{quote(name)} is {describe(have[place])} at {where}, expected {describe(want[place])}"


def describe(value: torch.Tensor) -> str:
    """A number, or the first entries of a tensor; only the shape in a hidden test."""
    if value.dim() and hidden():
        return f"a tensor of shape {shape(value)}"
    if hidden():
        return "another number"
    if value.dim() == 0:
        return f"{value.item():.6g}"
    entries = [f"{entry:.6g}" for entry in value.flatten()[:4].tolist()]
    return "[" + ", ".join(entries) + (", ...]" if value.numel() > 4 else "]")


def plain(value: object) -> object:
    """A Python value for NumPy scalars and 0-dimensional tensors of exact types; others are left as they are."""
    kind = type(value)
    if kind in TENSORS and value.dim() == 0:
        return value.detach().cpu().item()
    if kind in (np.bool_, *NUMPY_INTEGERS, *NUMPY_FLOATS):
        return value.item()
    if kind in ARRAYS and value.ndim == 0:
        return value.item()
    return value


def same(one: object, other: object) -> bool:
    """Equality of exact types; an int may come as a float of the same value, a bool must be a bool."""
    kinds = {type(one), type(other)}
    if kinds <= {int, float}:
        return one == other
    return len(kinds) == 1 and kinds <= {bool, str, type(None)} and one == other


def names_it(text: str, name: str) -> bool:
    """Whether an error text names an argument."""
    if len(name) <= 2:
        return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text, re.IGNORECASE) is not None
    return fold(name) in fold(text)


def fold(text: str) -> str:
    return re.sub(r"[\s_]+", "", text).lower()


def error_text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def quote(name: str) -> str:
    """`name` between backquotes, unless it has some already."""
    return name if "`" in name else f"`{name}`"


def shape(value: torch.Tensor) -> str:
    return str(tuple(value.shape))


def dtype_name(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def type_name(value: object) -> str:
    kind = type(value)
    return "None" if value is None else ("torch.Tensor" if kind is torch.Tensor else kind.__name__)


def plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
