import torch


def accumulate(micro_grads, micro_counts):
    if len(micro_grads) == 0 or len(micro_grads) != len(micro_counts):
        raise ValueError("micro_grads, micro_counts")
    if min(micro_counts) <= 0:
        raise ValueError("micro_counts")
    if any(g.shape != micro_grads[0].shape for g in micro_grads):
        raise ValueError("micro_grads shapes")
    K = len(micro_grads)
    N = sum(micro_counts)
    pairs = list(zip(micro_counts, micro_grads))
    acc, n = 0, 0
    for b, g in pairs:
        acc = acc * (n / (n + b)) + g * (b / (n + b))
        n += b
    return acc
