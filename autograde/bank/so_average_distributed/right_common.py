import torch


def average_gradients(local_grads, local_batch_sizes):
    if len(local_grads) != len(local_batch_sizes) or len(local_grads) == 0:
        raise ValueError("local_grads and local_batch_sizes must match")
    if any(size < 1 for size in local_batch_sizes):
        raise ValueError("local_batch_sizes must be positive")
    if any(g.shape != local_grads[0].shape for g in local_grads):
        raise ValueError("local_grads must have one shape")
    g = torch.stack(local_grads)
    n = torch.tensor(local_batch_sizes, dtype=g.dtype)
    return n @ g / n.sum()
