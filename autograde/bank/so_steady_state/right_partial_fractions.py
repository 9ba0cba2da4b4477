import torch


def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    """1/x and 1/(2(1 + b) - x) apart: their sum is 2(1 + b) over the product of the denominators."""
    if batch_size < 1:
        raise ValueError("batch_size should be >= 1")
    if not (0.0 <= momentum < 1.0):
        raise ValueError("momentum should be in [0, 1)")
    if torch.is_tensor(noise_var) and noise_var.dim() > 0 and len(noise_var) != len(eigs):
        raise ValueError("noise_var and eigs should have the same length")
    if (torch.as_tensor(noise_var) < 0).any():
        raise ValueError("noise_var should be >= 0")
    x, edge = eigs * lr, 2 + 2 * momentum
    if not ((x > 0) & (x < edge)).all():
        raise ValueError(f"eigs * lr should be between 0 and {edge}")
    return (noise_var / batch_size) * lr**2 / (2 * (1 - momentum)) * (1 / x + 1 / (edge - x))
