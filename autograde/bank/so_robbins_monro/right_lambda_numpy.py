import numpy as np


def positive_sum(t, t0):
    if t + t0 <= 0:
        raise ValueError("t and t0 must have a positive sum")
    return t + t0


def robbins_monro(c, t0, power=1.0):
    if t0 < 0:
        raise ValueError("negative t0")
    return lambda t: np.float64(c) * np.power(float(positive_sum(t, t0)), -power)


def satisfies_robbins_monro(power):
    return np.greater(power, 0.5) & np.less_equal(power, 1)
