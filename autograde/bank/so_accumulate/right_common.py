import torch


def accumulate(micro_grads, micro_counts):
    if len(micro_grads) != len(micro_counts) or len(micro_grads) == 0:
        raise ValueError("micro_grads and micro_counts must match")
    if any(count < 1 for count in micro_counts):
        raise ValueError("micro_counts must be positive")
    if any(grad.shape != micro_grads[0].shape for grad in micro_grads):
        raise ValueError("micro_grads must have one shape")
    total = torch.zeros_like(micro_grads[0])
    for grad, count in zip(micro_grads, micro_counts):
        total += count * grad
    return total / sum(micro_counts)
