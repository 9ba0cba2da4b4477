import math


def population_risk(loss_samples, confidence=0.95):
    """Welford's update for the variance, Newton's method for the quantile."""
    if loss_samples.dim() != 1:
        raise ValueError("loss_samples: one dimension")
    if len(loss_samples) < 2:
        raise ValueError("loss_samples: two at least")
    if confidence <= 0.0 or confidence >= 1.0:
        raise ValueError("confidence: between zero and one")
    mean, squares = 0.0, 0.0
    for k, value in enumerate(loss_samples.tolist(), start=1):
        step = value - mean
        mean += step / k
        squares += step * (value - mean)
    n = len(loss_samples)
    z = 0.0
    for _ in range(100):
        z -= (math.erf(z / math.sqrt(2)) - confidence) / (2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi))
    return mean, z * math.sqrt(squares / (n - 1)) / math.sqrt(n)
