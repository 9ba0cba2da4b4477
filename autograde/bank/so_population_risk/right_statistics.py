import statistics


def population_risk(loss_samples, confidence=0.95):
    """The standard library alone: the interval is that of a normal distribution around the mean."""
    if loss_samples.ndim != 1:
        raise ValueError("loss_samples must be one-dimensional")
    values = loss_samples.tolist()
    if len(values) < 2:
        raise ValueError("loss_samples: at least two")
    if not 0 < confidence < 1:
        raise ValueError("confidence")
    mean = statistics.fmean(values)
    error = statistics.stdev(values) / len(values) ** 0.5
    if error == 0:
        return mean, 0.0
    upper = statistics.NormalDist(mean, error).inv_cdf((1 + confidence) / 2)
    return mean, upper - mean
