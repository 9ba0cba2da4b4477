def robbins_monro(c, t0, power=1.0):
    if t0 < 0:
        raise ValueError("t0 must not be negative")

    def schedule(t):
        if t + t0 <= 0:
            raise ValueError("t + t0 must be positive")
        return c / (t + t0) ** power

    return schedule


def satisfies_robbins_monro(power):
    return 0.5 < power <= 1
