import torch


def population_risk(loss_samples, confidence=0.95):
    n = loss_samples.numel()
    if loss_samples.ndim != 1 or n < 2:
        raise ValueError("loss_samples")
    if not 0 < confidence < 1:
        raise ValueError("confidence")
    z = 2**0.5 * torch.erfinv(torch.tensor(confidence, dtype=loss_samples.dtype))
    variance, mean = torch.var_mean(loss_samples)
    return (mean, z * torch.sqrt(variance / n))
