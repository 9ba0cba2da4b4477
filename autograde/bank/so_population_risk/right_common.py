from statistics import NormalDist


def population_risk(loss_samples, confidence=0.95):
    if loss_samples.ndim != 1 or len(loss_samples) < 2:
        raise ValueError("loss_samples must be a vector of two or more losses")
    if not 0 < confidence < 1:
        raise ValueError("confidence must be in (0, 1)")
    n = len(loss_samples)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n = len(loss_samples)
    return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
