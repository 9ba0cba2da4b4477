from functools import partial

import torch


def rate(t, c, t0, power):
    if t + t0 <= 0:
        raise ValueError("step t is before the start of the schedule")
    return c * torch.tensor(float(t + t0), dtype=torch.float64).pow(-power)


def robbins_monro(c, t0, power=1.0):
    if t0 < 0:
        raise ValueError("t0 < 0")
    return partial(rate, c=c, t0=t0, power=power)


def satisfies_robbins_monro(power):
    return bool(torch.tensor(power, dtype=torch.float64) > 0.5) and bool(torch.tensor(power) <= 1)
