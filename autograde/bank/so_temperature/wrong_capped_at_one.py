# names: capped at 1
def matched_lr(lr, batch, new_batch):
    if batch < 1:
        raise ValueError("batch")
    if new_batch < 1:
        raise ValueError("new_batch")
    return min(1.0, lr * new_batch / batch)
