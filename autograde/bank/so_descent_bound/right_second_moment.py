import numpy as np


def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):
    """A quadratic in lr, evaluated by Horner's rule."""
    for name, ok in {"batch_size": batch_size >= 1, "lr": lr >= 0, "cov_trace": cov_trace >= 0}.items():
        if not ok:
            raise ValueError(name)
    moment = grad_sq + cov_trace / batch_size
    return np.polyval([L / 2 * moment, -grad_sq, f], lr)
