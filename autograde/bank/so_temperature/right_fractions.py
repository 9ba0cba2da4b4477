from fractions import Fraction


def matched_lr(lr, batch, new_batch):
    if not batch > 0:
        raise ValueError(f"batch: {batch}")
    if not new_batch > 0:
        raise ValueError(f"new batch: {new_batch}")
    return float(Fraction(lr) * Fraction(new_batch, batch))
