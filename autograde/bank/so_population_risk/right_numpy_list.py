from statistics import NormalDist

import numpy as np


def population_risk(loss_samples, confidence=0.95):
    x = np.asarray(loss_samples)
    if x.ndim != 1 or x.size < 2:
        raise ValueError(f"loss_samples of shape {x.shape}")
    if not (0.0 < confidence < 1.0):
        raise ValueError(f"confidence = {confidence}")
    z = -NormalDist().inv_cdf((1 - confidence) / 2)
    return [np.mean(x), z * np.std(x, ddof=1) / np.sqrt(x.size)]
