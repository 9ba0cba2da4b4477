# names: return a function that takes t
def robbins_monro(c, t0, power=1.0):
    if t0 < 0:
        raise ValueError("t0 must not be negative")
    return c / t0**power if t0 else c


def satisfies_robbins_monro(power):
    return 0.5 < power <= 1
