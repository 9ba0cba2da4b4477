import numpy as np
import torch


def stochastic_quantize(v, levels, generator):
    """NumPy's generator, seeded from the one handed in; float32 inside."""
    if levels < 1 or v.ndim != 1:
        raise ValueError(f"levels {levels}, v of shape {tuple(v.shape)}")
    rng = np.random.default_rng(torch.randint(2**62, (1,), generator=generator).item())
    x = v.numpy().astype(np.float32)
    norm = np.linalg.norm(x)
    if norm == 0.0:
        return np.zeros_like(x)
    place = np.abs(x) * np.float32(levels) / norm
    up = rng.random(x.shape) < place - np.floor(place)
    return np.sign(x) * norm * (np.floor(place) + up) / np.float32(levels)
