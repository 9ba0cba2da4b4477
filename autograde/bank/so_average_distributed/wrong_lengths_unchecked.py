# names: accepted 3 gradients with 2 batch sizes
import torch


def average_gradients(local_grads, local_batch_sizes):
    if len(local_grads) == 0:
        raise ValueError("local_grads and local_batch_sizes must match")
    if any(size < 1 for size in local_batch_sizes):
        raise ValueError("local_batch_sizes must be positive")
    if any(g.shape != local_grads[0].shape for g in local_grads):
        raise ValueError("local_grads must have one shape")
    total = 0
    for g, n in zip(local_grads, local_batch_sizes):
        total = total + n * g
    return total / sum(local_batch_sizes)
