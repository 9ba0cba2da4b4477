# names: factor new_batch/batch came back
def matched_lr(lr, batch, new_batch):
    if batch < 1:
        raise ValueError("batch")
    if new_batch < 1:
        raise ValueError("new_batch")
    return new_batch / batch
