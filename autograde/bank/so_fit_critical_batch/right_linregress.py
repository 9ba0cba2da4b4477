import statistics


def fit_critical_batch(batches, steps):
    batches = [float(b) for b in batches]
    steps = [float(s) for s in steps]
    if len(batches) != len(steps):
        raise ValueError("length of batches != length of steps")
    if min(batches) <= 0:
        raise ValueError("batches")
    if len(set(batches)) < 2:
        raise ValueError("batches all equal")
    slope, intercept = statistics.linear_regression([1 / b for b in batches], steps)
    return intercept, slope
