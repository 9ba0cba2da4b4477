from fractions import Fraction

import torch


def accumulate(micro_grads, micro_counts):
    """Exact rational arithmetic, rounded once at the end."""
    if len(micro_grads) != len(micro_counts) or not micro_grads:
        raise ValueError("micro_grads and micro_counts must match")
    if any(n < 1 for n in micro_counts):
        raise ValueError("every entry of micro_counts must be 1 or more")
    if any(len(g) != len(micro_grads[0]) for g in micro_grads):
        raise ValueError("micro_grads of unequal length")
    columns = zip(*[[Fraction(x) for x in g.tolist()] for g in micro_grads])
    total = sum(micro_counts)
    return torch.tensor(
        [float(sum(n * x for n, x in zip(micro_counts, c)) / total) for c in columns], dtype=torch.float64
    )
