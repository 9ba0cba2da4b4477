# names: Student's quantile
import math

import torch


def population_risk(loss_samples, confidence=0.95):
    if loss_samples.ndim != 1 or len(loss_samples) < 2:
        raise ValueError("loss_samples must be a vector of two or more losses")
    if not 0 < confidence < 1:
        raise ValueError("confidence must be in (0, 1)")
    n = len(loss_samples)
    # Student's quantile, by integrating the density on a fine grid.
    t = torch.linspace(0, 400, 2_000_001, dtype=torch.float64)
    log_c = math.lgamma(n / 2) - math.lgamma((n - 1) / 2) - 0.5 * math.log((n - 1) * math.pi)
    density = torch.exp(log_c - n / 2 * torch.log1p(t**2 / (n - 1)))
    mass = torch.cumulative_trapezoid(density, t)
    k = int(torch.searchsorted(mass, torch.tensor(confidence / 2, dtype=torch.float64)))
    q = t[k] + (confidence / 2 - mass[k - 1]) / density[k] if k else t[1]
    return loss_samples.mean().item(), (q * loss_samples.std() / n**0.5).item()
