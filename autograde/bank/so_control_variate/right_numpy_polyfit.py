import numpy as np


def control_variate(f, h, h_mean):
    """The regression line of f on h, read off at h_mean."""
    f, h = f.numpy(), h.numpy()
    if f.ndim != 1 or h.ndim != 1 or len(f) != len(h):
        raise ValueError(f"shapes of f {f.shape} and h {h.shape}")
    if np.ptp(h) == 0:
        raise ValueError("h does not vary")
    slope, intercept = np.polyfit(h.astype(np.float64), f.astype(np.float64), 1)
    rho = np.corrcoef(f, h)[0, 1]
    return slope * h_mean + intercept, 1 - rho**2
