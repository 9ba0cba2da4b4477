from fractions import Fraction


def max_stable_lr(lam, batch_size):
    """B/(B + 2) of the full-batch limit, as an exact fraction first."""
    if batch_size < 1:
        raise ValueError("the batch size must be at least one")
    if not lam > 0:
        raise ValueError("lam must be greater than zero")
    share = Fraction(batch_size, batch_size + 2)
    return 2.0 / lam * float(share)
