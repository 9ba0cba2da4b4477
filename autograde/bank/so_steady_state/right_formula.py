import torch


def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    if momentum < 0 or momentum >= 1:
        raise ValueError("momentum must be in [0, 1)")
    if isinstance(noise_var, torch.Tensor) and noise_var.shape not in (eigs.shape, torch.Size([])):
        raise ValueError("noise_var and eigs differ in shape")
    if torch.any(torch.as_tensor(noise_var) < 0):
        raise ValueError("noise_var must not be negative")
    bracket = 2 * (1 + momentum) - lr * eigs
    if torch.any(eigs <= 0) or torch.any(bracket <= 0):
        raise ValueError("unstable: lower lr")
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * bracket)
