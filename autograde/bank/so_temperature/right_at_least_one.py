import math


def matched_lr(lr, batch, new_batch):
    if batch < 1:
        raise ValueError("batch must be positive")
    if new_batch < 1:
        raise ValueError("new_batch must be positive")
    return lr * new_batch / batch
