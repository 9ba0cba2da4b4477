import torch


def average_gradients(local_grads, local_batch_sizes):
    if len(local_grads) == 0 or len(local_grads) != len(local_batch_sizes):
        raise ValueError("local_grads and local_batch_sizes must have the same length, at least 1")
    if any(b <= 0 for b in local_batch_sizes):
        raise ValueError("local_batch_sizes must be positive")
    if len({g.shape for g in local_grads}) != 1:
        raise ValueError("local_grads: shapes differ")
    return torch.stack([b * g for b, g in zip(local_batch_sizes, local_grads)]).sum(dim=0) / sum(local_batch_sizes)
