# names: Half the ratio
def scale_lr(base_lr, base_batch, batch, rule):
    if rule not in {"linear", "sqrt"}:
        raise ValueError("rule?")
    if batch <= 0 or base_batch <= 0:
        raise ValueError("batch / base_batch")
    k = batch / base_batch
    return base_lr * k if rule == "linear" else base_lr * k / 2
