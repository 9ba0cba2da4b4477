import numpy as np


def noise_scale(n_small, n_big, b_small, b_big):
    """A straight line n = G2 + S x through the two mean points, x = 1/B."""
    if len(n_small) != len(n_big) or not len(n_small):
        raise ValueError("n_big and n_small are not pairs")
    if not (0 < b_small < b_big):
        raise ValueError("b_small, b_big out of order")
    system = np.array([[1.0, 1.0 / b_small], [1.0, 1.0 / b_big]])
    means = [np.mean([float(n) for n in n_small]), np.mean([float(n) for n in n_big])]
    g2, s = np.linalg.solve(system, means)
    return [g2, s, s / g2]
