import math


class RobbinsMonro:
    def __init__(self, c, t0, power):
        if t0 < 0:
            raise ValueError(f"t0 = {t0} is negative")
        self.c, self.t0, self.power = c, t0, power

    def __call__(self, t):
        time = t + self.t0
        if time <= 0:
            raise ValueError(f"the rate is undefined at t = {t} with t0 = {self.t0}")
        return self.c * math.exp(-self.power * math.log(time))


def robbins_monro(c, t0, power=1.0):
    return RobbinsMonro(c, t0, power)


def satisfies_robbins_monro(power):
    """p-series: sum n^-p converges iff p > 1."""

    def converges(p):
        return p > 1

    return not converges(power) and converges(2 * power)
