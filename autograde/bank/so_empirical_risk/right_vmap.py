import torch


def empirical_risk(theta, X, y, l2=0.0):
    """One loss for each row by vmap; logsumexp of the two class scores."""
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError("X must have shape (N, d), N > 0")
    if theta.shape != X.shape[1:] or y.shape != X.shape[:1]:
        raise ValueError("theta, X and y disagree")
    if l2 < 0:
        raise ValueError("l2 must not be negative")

    def loss(x, label):
        score = label * torch.dot(x, theta)
        return torch.logsumexp(torch.stack([score / 2, -score / 2]), dim=0) - score / 2

    return (torch.vmap(loss)(X, y).mean() + l2 / 2 * torch.dot(theta, theta)).item()
