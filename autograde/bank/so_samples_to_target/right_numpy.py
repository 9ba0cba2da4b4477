import numpy as np


def samples_to_target(losses, batch_size, target):
    if not batch_size > 0:
        raise ValueError("batch_size")
    met = np.asarray(losses, dtype=float) <= target
    if met.size == 0:
        raise ValueError("losses")
    return batch_size * met.argmax() if met.any() else None
