import torch


def average_gradients(local_grads, local_batch_sizes):
    if len(local_grads) == 0 or len(local_grads) != len(local_batch_sizes):
        raise ValueError("local_grads, local_batch_sizes")
    if min(local_batch_sizes) <= 0:
        raise ValueError("local_batch_sizes")
    if any(g.shape != local_grads[0].shape for g in local_grads):
        raise ValueError("local_grads shapes")
    K = len(local_grads)
    N = sum(local_batch_sizes)
    pairs = list(zip(local_batch_sizes, local_grads))
    rows = torch.cat([g.expand(b, -1) for b, g in pairs])
    return rows.mean(0)
