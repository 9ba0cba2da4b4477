import math


def gradient_cosine(g1, g2):
    """Plain Python: entries one by one, unit vectors, and the law of cosines."""
    if len(g1) != len(g2):
        raise ValueError("g2 needs as many tensors as g1")
    first, second = [], []
    for a, b in zip(g1, g2):
        if tuple(a.shape) != tuple(b.shape):
            raise ValueError("a layer of g2 has another shape than in g1")
        first.extend(a.reshape(-1).tolist())
        second.extend(b.reshape(-1).tolist())
    n1 = math.sqrt(math.fsum(x * x for x in first))
    n2 = math.sqrt(math.fsum(x * x for x in second))
    if n1 == 0 or n2 == 0:
        return 0.0
    return 1 - math.fsum((x / n1 - y / n2) ** 2 for x, y in zip(first, second)) / 2
