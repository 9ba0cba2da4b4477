import torch


def population_risk(loss_samples, confidence=0.95):
    """Population variance over n - 1 is the same number; the quantile in single precision."""
    if loss_samples.ndim != 1 or len(loss_samples) <= 1:
        raise ValueError("loss_samples is too short, or not a vector")
    if not 0 < confidence < 1:
        raise ValueError("the confidence level lies in (0, 1)")
    mean = loss_samples.mean()
    error = torch.sqrt(((loss_samples - mean) ** 2).mean() / (len(loss_samples) - 1))
    z = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor((1 + confidence) / 2))
    return mean, z * error
