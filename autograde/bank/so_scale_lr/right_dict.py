def scale_lr(base_lr, base_batch, batch, rule):
    """A table of exponents."""
    powers = {"linear": 1.0, "sqrt": 0.5}
    if rule not in powers:
        raise ValueError(f"unknown rule {rule!r}")
    if min(base_batch, batch) <= 0:
        raise ValueError("batch and base_batch must be positive")
    return base_lr * (batch / base_batch) ** powers[rule]
