"""Checks of arguments: one clear `ValueError` each, which names the argument, its value and what to do."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
from numbers import Real
from typing import TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value", str, float)


def whole_number(name: str, value: int, least: int = 1) -> int:
    """`value` if it is a whole number of at least `least`; `ValueError` naming `name` otherwise."""
    try:
        # not int(): that would cut 2.5 down to 2
        whole = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = least - 1
    if whole < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return whole


def number(name: str, value: float) -> float:
    """`value` as a float if it is one real number; `ValueError` naming `name` otherwise."""
    if type(value) is float:  # update rules ask at every step
        return value
    try:
        if isinstance(value, str | bool):  # float() would read "8"
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be a number, got {value!r}") from None


def non_negative(name: str, value: float) -> float:
    """`value` if it is a finite number of at least zero; `ValueError` naming `name` otherwise."""
    value = number(name, value)
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"{name} must be finite and not negative, got {value!r}")
    return value


def positive(name: str, value: float) -> float:
    """`value` if it is a finite number above zero; `ValueError` naming `name` otherwise."""
    value = number(name, value)
    if not 0.0 < value < float("inf"):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return value


def below_one(name: str, value: float) -> float:
    """`value` if it lies in [0, 1); `ValueError` naming `name` otherwise."""
    value = number(name, value)
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{name} must lie in [0, 1), got {value!r}")
    return value


def fraction(name: str, value: float) -> float:
    """`value` if it lies in [0, 1]; `ValueError` naming `name` otherwise."""
    return between(name, value, 0, 1)


def between(name: str, value: float, least: float, most: float) -> float:
    """`value` if it is a number from `least` to `most`, both included; `ValueError` naming `name` otherwise."""
    value = number(name, value)
    if not least <= value <= most:
        raise ValueError(f"{name} must lie between {least} and {most}, got {value!r}")
    return value


def one_or_each(name: str, value: float | Tensor, count: int, each: str) -> Tensor:
    """`value` as a tensor () or (count,), float64 on the CPU, if it is a finite number that is not negative, or one for
    each `each`; `ValueError` naming `name` otherwise."""
    wanted = f"{name} must be a number or a tensor ({count},), one for each {each}"
    try:
        if isinstance(value, Tensor) and value.is_complex():
            raise TypeError
        # the CPU first: mps has no float64
        given = value.cpu().double() if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{wanted}, got {value!r}") from None
    if given.shape not in [(), (count,)]:
        raise ValueError(f"{wanted}, got {tuple(given.shape)}")
    wrong = ~(torch.isfinite(given) & (given >= 0))
    if wrong.any():
        non_negative(name, given[wrong][0].item())  # says so
    return given


def finite(name: str, value: Tensor) -> Tensor:
    """`value` if no entry is NaN or infinite; `ValueError` naming `name` otherwise."""
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        raise ValueError(f"{name} holds {bad} NaN or infinite entries: clean the data before training on it")
    return value


def choice(name: str, value: Value, known: Iterable[Value]) -> Value:
    """The one of `known`, names or numbers, that `value` is; otherwise a `ValueError` with the nearest name, or all."""
    known = list(known)
    # True is no 1, and a tensor has no place in a list
    if isinstance(value, str | Real) and not isinstance(value, bool) and value in known:
        return known[known.index(value)]
    names = [other for other in known if isinstance(other, str) and isinstance(value, str)]
    near = difflib.get_close_matches(value, names, n=1, cutoff=0.4) if names else []
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(map(str, known))}"
    raise ValueError(f"unknown {name} {value!r}: {hint}")
