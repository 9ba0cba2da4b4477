import numpy as np


def matched_lr(lr, batch, new_batch):
    if min(batch, new_batch) < 1:
        raise ValueError("batch and new_batch: at least 1 each")
    return np.exp(np.log(lr) + np.log(new_batch) - np.log(batch))
