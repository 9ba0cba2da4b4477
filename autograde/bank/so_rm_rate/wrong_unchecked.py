# names: negative noise_var
import math


def rm_asymptotic_variance(c, lam, noise_var):
    speed = 2 * c * lam
    return c * c * noise_var / (speed - 1) if speed > 1 else math.inf
