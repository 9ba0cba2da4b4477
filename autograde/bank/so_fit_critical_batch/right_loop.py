def fit_critical_batch(batches, steps):
    """Plain Python, centred sums."""
    b = [float(value) for value in batches]
    s = [float(value) for value in steps]
    if len(b) != len(s):
        raise ValueError("steps: another length than batches")
    for value in b:
        if value <= 0:
            raise ValueError("batches must be positive")
    if len(set(b)) < 2:
        raise ValueError("two different batches are needed")
    n = len(b)
    x = [1 / value for value in b]
    x_mean, s_mean = sum(x) / n, sum(s) / n
    above = below = 0.0
    for xi, si in zip(x, s):
        above += (xi - x_mean) * (si - s_mean)
        below += (xi - x_mean) ** 2
    slope = above / below
    return s_mean - slope * x_mean, slope
