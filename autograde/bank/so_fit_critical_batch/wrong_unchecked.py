# names: accepted
import torch


def fit_critical_batch(batches, steps):
    pairs = list(zip(batches, steps))
    x = torch.tensor([1 / float(b) if b else float("inf") for b, _ in pairs], dtype=torch.float64)
    y = torch.tensor([float(s) for _, s in pairs], dtype=torch.float64)
    slope = (x - x.mean()) @ (y - y.mean()) / (x - x.mean()).square().sum()
    return (y.mean() - slope * x.mean()).item(), slope.item()
