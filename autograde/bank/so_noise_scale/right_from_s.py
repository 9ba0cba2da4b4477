import statistics
from collections import namedtuple

Scale = namedtuple("Scale", "signal noise ratio")


def noise_scale(n_small, n_big, b_small, b_big):
    """S first; G2 is what is left of the large batch's norm once its noise is taken off."""
    small, big = [float(x) for x in n_small], [float(x) for x in n_big]
    if len(small) != len(big) or not small:
        raise ValueError(f"n_small has {len(small)} entries, n_big {len(big)}")
    if b_small < 1 or b_small >= b_big:
        raise ValueError("b_small must be positive and below b_big")
    noise = statistics.fmean(a - b for a, b in zip(small, big)) / (1 / b_small - 1 / b_big)
    signal = statistics.fmean(big) - noise / b_big
    return Scale(signal, noise, noise / signal)
