# names: batch size 0 | batch size -2
def max_stable_lr(lam, batch_size):
    if lam <= 0:
        raise ValueError("lam")
    return 2 / (lam * (1 + 2 / batch_size))
