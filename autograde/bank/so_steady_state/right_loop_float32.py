import torch


def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    """One direction at a time; single precision, except near the edge of stability."""
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1")
    if momentum < 0 or momentum >= 1:
        raise ValueError("momentum must be at least 0 and below 1")
    d = len(eigs)
    noise = noise_var.tolist() if torch.is_tensor(noise_var) else [noise_var] * d
    if len(noise) != d:
        raise ValueError("noise_var must have d entries")
    out = torch.empty(d, dtype=torch.float32)
    for i in range(d):
        if noise[i] < 0:
            raise ValueError("noise_var must not be negative")
        x = lr * eigs[i].item()
        if x <= 0 or x >= 2 * (1 + momentum):
            raise ValueError(f"direction {i} of eigs is unstable")
        plain = lr * lr * noise[i] / batch_size
        out[i] = plain * (1 + momentum) / (1 - momentum) / (x * (2 * (1 + momentum) - x))
    return out
