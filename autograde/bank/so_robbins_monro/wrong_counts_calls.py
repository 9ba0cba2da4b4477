# names: counts its own calls
def robbins_monro(c, t0, power=1.0):
    if t0 < 0:
        raise ValueError("t0 must not be negative")
    step = -1

    def schedule(t):
        nonlocal step
        if t + t0 <= 0:
            raise ValueError("t + t0 must be positive")
        step += 1
        return c / (max(step, 1 - t0) + t0) ** power

    return schedule


def satisfies_robbins_monro(power):
    return 0.5 < power <= 1
