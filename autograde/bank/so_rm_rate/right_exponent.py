import math


def rm_asymptotic_variance(c, lam, noise_var):
    if c <= 0 or lam <= 0:
        raise ValueError("c and lam must be positive")
    if noise_var < 0:
        raise ValueError("noise_var < 0")
    exponent = 2 * c * lam
    if exponent > 1:
        return noise_var * c**2 / (exponent - 1)
    return math.inf
