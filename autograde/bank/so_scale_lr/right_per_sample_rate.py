from math import sqrt


def scale_lr(base_lr, base_batch, batch, rule):
    """What stays the same first: eta / B, or eta / sqrt(B)."""
    if rule not in ("linear", "sqrt"):
        raise ValueError("rule")
    if base_batch <= 0:
        raise ValueError("base_batch")
    if batch <= 0:
        raise ValueError("batch")
    size = (lambda b: b) if rule == "linear" else sqrt
    invariant = base_lr / size(base_batch)
    return invariant * size(batch)
