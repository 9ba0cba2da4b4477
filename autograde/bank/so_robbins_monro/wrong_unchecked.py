# names: raised ZeroDivisionError for t = 0 with t0 = 0 | accepted t0 = -1
def robbins_monro(c, t0, power=1.0):
    return lambda t: c / (t + t0) ** power


def satisfies_robbins_monro(power):
    return 0.5 < power <= 1
