import torch


def accumulate(micro_grads, micro_counts):
    """backward() really accumulates: the loss of micro-batch j is linear, n_j g_j . theta."""
    if len(micro_grads) != len(micro_counts):
        raise ValueError("micro_counts must be as many as micro_grads")
    if len(micro_grads) == 0:
        raise ValueError("micro_grads is empty")
    if min(micro_counts) < 1:
        raise ValueError("micro_counts below one")
    theta = torch.zeros_like(micro_grads[0]).requires_grad_(True)
    for g, n in zip(micro_grads, micro_counts):
        if g.shape != theta.shape:
            raise ValueError("micro_grads do not fit together")
        (n / sum(micro_counts) * (g @ theta)).backward()
    return theta.grad
