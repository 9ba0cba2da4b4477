"""Tables of mistakes, sentence -> a function that computes the value, from smaller ones.

`told_apart` leaves a sentence out where another mistake gives the same value, as at the edge of a domain, so that no
wrong diagnosis is shown.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch

from autograde.judge.expect import SKIPPED, as_float64, evaluate


def also_sampled(mistakes, bessel):
    """The mistakes together with a second one: the covariance divided by N - 1."""
    return {
        f"{sentence}; also, the covariance is divided by N - 1 instead of N": lambda value=value: value() * bessel
        for sentence, value in mistakes.items()
        if "N - 1 (" not in sentence
    }


Table = Mapping[str, Callable[[], object]]


def told_apart(single: Table, double: Table | None = None, rtol: float = 1e-6) -> dict[str, Callable[[], object]]:
    """The two tables in one, where a mistake has no value (None) if another sentence gives the same on this input.

    A single mistake is compared with single ones; two mistakes at once (`double`) with everything. Nothing is computed
    before a sentence is looked for.
    """
    everything = dict(single) | dict(double or {})

    @functools.cache
    def values() -> dict[str, torch.Tensor]:
        found = {sentence: evaluate(value) for sentence, value in everything.items()}
        known = {s: as_float64(value) for s, value in found.items() if value is not SKIPPED and value is not None}
        apart = {}
        for shape in {value.shape for value in known.values()}:
            alike = {s: value.flatten() for s, value in known.items() if value.shape == shape}
            close = equal_rows(torch.stack(list(alike.values())), rtol)
            # A single mistake need not fear the double ones.
            fearless = torch.tensor([sentence in single for sentence in alike])
            close &= ~(fearless[:, None] & ~fearless[None, :])
            lonely = close.sum(dim=1) == 1
            apart |= {s: known[s] for s, alone in zip(alike, lonely.tolist(), strict=True) if alone}
        return apart

    return {sentence: (lambda sentence=sentence: values().get(sentence)) for sentence in everything}


def equal_rows(rows: torch.Tensor, rtol: float) -> torch.Tensor:
    """(m, m): which of m rows (m, k) are equal within rtol times their largest entry; each row equals itself."""
    rows = rows.nan_to_num(nan=1.7e301, posinf=1.3e301, neginf=-1.3e301)
    size = rows.abs().amax(dim=1, keepdim=True)
    gap = (rows[:, None] - rows[None, :]).abs().amax(dim=2)
    return gap <= rtol * torch.maximum(size, size.T) + 1e-12


def joined(first: str, second: str) -> str:
    """One sentence for two mistakes."""
    return f"{first}; also, {second[0].lower()}{second[1:]}"


def sums(first: Table, second: Table, right_first: object, right_second: object, others: Table, rtol: float = 1e-6):
    """Sentence -> value where the result is first + second, and one or both of them are wrong."""
    single = {s: (lambda value=value: value() + right_second) for s, value in first.items()}
    single |= {s: (lambda value=value: right_first + value()) for s, value in second.items()} | dict(others)
    double = {
        joined(one, other): (lambda value=value, term=term: value() + term())
        for one, value in first.items()
        for other, term in second.items()
    }
    return told_apart(single, double, rtol)
