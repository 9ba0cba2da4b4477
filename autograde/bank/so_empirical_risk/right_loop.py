import math


def empirical_risk(theta, X, y, l2=0.0):
    if X.ndim != 2:
        raise ValueError("X is not a matrix")
    rows, labels, weights = X.tolist(), y.tolist(), theta.tolist()
    if not rows:
        raise ValueError("X has no rows")
    if len(weights) != X.shape[1]:
        raise ValueError("theta has the wrong length")
    if len(labels) != len(rows):
        raise ValueError("y has the wrong length")
    if l2 < 0:
        raise ValueError("negative l2")
    total = 0.0
    for row, label in zip(rows, labels):
        margin = label * sum(a * b for a, b in zip(row, weights))
        if margin > 0:
            total += math.log1p(math.exp(-margin))
        else:
            total += -margin + math.log1p(math.exp(margin))
    return total / len(rows) + l2 * sum(w * w for w in weights) / 2
