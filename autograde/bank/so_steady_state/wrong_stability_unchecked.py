# names: accepted lr lambda above 2
import torch


def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if not 0 <= momentum < 1:
        raise ValueError("momentum must lie in [0, 1)")
    return lr * noise_var * (1 + momentum) / (batch_size * eigs * (1 - momentum) * (2 * (1 + momentum) - lr * eigs))
