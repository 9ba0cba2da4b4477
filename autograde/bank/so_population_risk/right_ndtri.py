import torch


def population_risk(loss_samples, confidence=0.95):
    if loss_samples.dim() != 1 or loss_samples.numel() < 2:
        raise ValueError("loss_samples needs one dimension and two losses")
    if confidence <= 0 or confidence >= 1:
        raise ValueError("confidence must be in (0, 1)")
    n = loss_samples.numel()
    se = loss_samples.std() / n**0.5
    z = torch.special.ndtri(torch.tensor(0.5 + confidence / 2, dtype=torch.float64))
    return loss_samples.mean().item(), (z * se).item()
