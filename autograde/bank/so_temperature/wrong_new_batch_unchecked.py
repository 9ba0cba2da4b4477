# names: new_batch = 0 | new_batch = -16
import math


def matched_lr(lr, batch, new_batch):
    if batch < 1:
        raise ValueError("batch must be positive")
    return lr * new_batch / batch
