import torch


def empirical_risk(theta, X, y, l2=0.0):
    """Minus the log-likelihood, in single precision."""
    if X.ndim != 2 or X.shape[0] == 0 or theta.shape != (X.shape[1],):
        raise ValueError("X (N, d) with N > 0 and theta (d,) do not fit")
    if y.shape != (X.shape[0],):
        raise ValueError("X and y do not fit")
    if l2 < 0:
        raise ValueError("l2 is negative")
    theta, X, y = theta.float(), X.float(), y.float()
    likelihood = torch.nn.functional.logsigmoid(y * (X @ theta)).mean()
    return (-likelihood + l2 * (theta**2).sum() / 2).item()
