def noise_scale(n_small, n_big, b_small, b_big):
    if len(n_small) != len(n_big) or len(n_small) == 0:
        raise ValueError("n_small, n_big")
    if not 0 < b_small < b_big:
        raise ValueError("b_small, b_big")
    G = S = 0.0
    for a, b in zip(n_small, n_big):
        G += (b_big * b - b_small * a) / (b_big - b_small)
        S += (a - b) / (1 / b_small - 1 / b_big)
    k = len(n_small)
    return G / k, S / k, S / G
