"""Checks of arguments: one clear `ValueError` each, which names the argument, its value and what to do."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
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


def non_negative(name: str, value: float) -> float:
    """`value` if it is a finite number of at least zero; `ValueError` naming `name` otherwise."""
    value = float(value)
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"{name} must be finite and not negative, got {value!r}")
    return value


def positive(name: str, value: float) -> float:
    """`value` if it is a finite number above zero; `ValueError` naming `name` otherwise."""
    value = float(value)
    if not 0.0 < value < float("inf"):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return value


def below_one(name: str, value: float) -> float:
    """`value` if it lies in [0, 1); `ValueError` naming `name` otherwise."""
    value = float(value)
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{name} must lie in [0, 1), got {value!r}")
    return value


def fraction(name: str, value: float) -> float:
    """`value` if it lies in [0, 1]; `ValueError` naming `name` otherwise."""
    value = float(value)
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie between 0 and 1, got {value!r}")
    return value


def finite(name: str, value: Tensor) -> Tensor:
    """`value` if no entry is NaN or infinite; `ValueError` naming `name` otherwise."""
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        raise ValueError(f"{name} holds {bad} NaN or infinite entries: clean the data before training on it")
    return value


def choice(name: str, value: Value, known: Iterable[Value]) -> Value:
    """`value` if it is one of `known`, names or numbers; otherwise a `ValueError` with the nearest suggestion."""
    known = list(known)
    if value in known:
        return value
    names = [other for other in known if isinstance(other, str)]
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(map(str, known))}"
    raise ValueError(f"unknown {name} {value!r}: {hint}")
