import numpy as np


def gradient_variance(per_sample, batch_size, replacement=True):
    g = per_sample.numpy()
    if g.ndim != 2 or g.shape[0] < 1:
        raise ValueError(f"per_sample: shape {g.shape}")
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size}")
    covariance = np.atleast_2d(np.cov(g, rowvar=False, bias=True))
    shrink = 1 if replacement else (len(g) - batch_size) / (len(g) - 1)
    return np.trace(covariance) / batch_size * shrink
