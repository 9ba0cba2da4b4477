# names: accepted rule
def scale_lr(base_lr, base_batch, batch, rule):
    if base_batch <= 0 or batch <= 0:
        raise ValueError("base_batch and batch must be positive")
    ratio = batch / base_batch
    if rule == "linear":
        return base_lr * ratio
    else:
        return base_lr * ratio**0.5
