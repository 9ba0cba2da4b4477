import numpy as np


def scale_lr(base_lr, base_batch, batch, rule):
    """In logarithms, with NumPy scalars."""
    for name, size in zip(("base_batch", "batch"), (base_batch, batch)):
        if not size > 0:
            raise ValueError(f"{name} = {size}")
    shift = np.log(batch) - np.log(base_batch)
    if rule == "sqrt":
        shift /= 2
    elif rule != "linear":
        raise ValueError("rule must be linear or sqrt")
    return base_lr * np.exp(shift)
