import numpy as np
import torch


def accumulate(micro_grads, micro_counts):
    counts = np.asarray(micro_counts, dtype=float)
    if counts.size == 0 or counts.size != len(micro_grads) or not (counts > 0).all():
        raise ValueError(f"micro_counts {micro_counts} for {len(micro_grads)} gradients")
    if len({tuple(g.shape) for g in micro_grads}) > 1:
        raise ValueError("micro_grads must agree in shape")
    matrix = np.stack([g.detach().numpy() for g in micro_grads])
    return torch.tensor(counts @ matrix / counts.sum())
