import numpy as np
import torch


def average_gradients(local_grads, local_batch_sizes):
    """np.average normalises the weights."""
    if not len(local_grads) == len(local_batch_sizes) > 0 or min(local_batch_sizes) < 1:
        raise ValueError(f"local_batch_sizes {local_batch_sizes} do not fit {len(local_grads)} local_grads")
    if any(g.shape != local_grads[0].shape for g in local_grads[1:]):
        raise ValueError("local_grads have different shapes")
    return torch.from_numpy(np.average([g.numpy() for g in local_grads], axis=0, weights=local_batch_sizes))
