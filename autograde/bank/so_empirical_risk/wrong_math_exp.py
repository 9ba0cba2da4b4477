# names: OverflowError
import math


def empirical_risk(theta, X, y, l2=0.0):
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError("X must be a matrix with rows")
    if theta.shape != (X.shape[1],):
        raise ValueError("theta does not fit X")
    if y.shape != (X.shape[0],):
        raise ValueError("y does not fit X")
    if l2 < 0:
        raise ValueError("l2 must not be negative")
    margins = (y * (X @ theta)).tolist()
    mean = sum(math.log(1 + math.exp(-m)) for m in margins) / len(margins)
    return mean + l2 / 2 * float(theta @ theta)
