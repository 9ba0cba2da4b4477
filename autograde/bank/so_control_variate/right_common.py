import torch


def control_variate(f, h, h_mean):
    if f.ndim != 1 or f.shape != h.shape:
        raise ValueError("f and h must be vectors of the same length")
    if len(h) < 2 or h.max() == h.min():
        raise ValueError("h is constant")
    a = f - f.mean()
    b = h - h.mean()
    c = (a * b).mean() / (b * b).mean()
    estimate = f.mean() - c * (h.mean() - h_mean)
    ratio = 1 - (a * b).mean() ** 2 / ((a * a).mean() * (b * b).mean())
    return estimate.item(), ratio.item()
