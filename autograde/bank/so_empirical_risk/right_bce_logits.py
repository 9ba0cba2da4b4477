import torch


def empirical_risk(theta, X, y, l2=0.0):
    """Cross-entropy with labels converted to 0 and 1; a 0-dimensional tensor comes back."""
    if X.ndim != 2 or len(X) < 1:
        raise ValueError(f"X: {X.shape}")
    if theta.shape[0] != X.shape[1]:
        raise ValueError(f"theta: {theta.shape}")
    if y.shape[0] != X.shape[0]:
        raise ValueError(f"y: {y.shape}")
    if l2 < 0:
        raise ValueError(f"l2: {l2}")
    target = (y + 1) / 2
    loss = torch.nn.BCEWithLogitsLoss(reduction="mean")(X @ theta, target)
    return loss + 0.5 * l2 * torch.linalg.vector_norm(theta) ** 2
