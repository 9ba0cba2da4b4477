def max_stable_lr(lam, batch_size):
    if lam <= 0:
        raise ValueError("lam must be positive")
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    return 2 / (lam * (1 + 2 / batch_size))
