import math


def expected_square_norm(mean_grad, cov_trace, batch_size):
    """Pythagoras taken literally: the noise is one more orthogonal component."""
    if batch_size <= 0:
        raise ValueError("batch_size: a positive integer")
    if cov_trace < 0:
        raise ValueError("cov_trace: a sum of variances")
    return math.hypot(*mean_grad.tolist(), math.sqrt(cov_trace / batch_size)) ** 2
