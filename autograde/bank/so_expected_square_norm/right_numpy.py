import numpy as np


def expected_square_norm(mean_grad, cov_trace, batch_size):
    if batch_size < 1 or cov_trace < 0:
        raise ValueError("batch_size has to be at least 1, cov_trace at least 0")
    return np.linalg.norm(mean_grad.numpy()) ** 2 + np.float64(cov_trace) / batch_size
