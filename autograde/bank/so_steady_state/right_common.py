import torch


def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if not 0 <= momentum < 1:
        raise ValueError("momentum must lie in [0, 1)")
    noise_var = torch.as_tensor(noise_var, dtype=eigs.dtype)
    if noise_var.ndim and noise_var.shape != eigs.shape:
        raise ValueError("noise_var must have one entry for each eigenvalue")
    if (noise_var < 0).any():
        raise ValueError("noise_var must not be negative")
    if (eigs <= 0).any() or (lr * eigs >= 2 * (1 + momentum)).any():
        raise ValueError("lr is unstable")
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
