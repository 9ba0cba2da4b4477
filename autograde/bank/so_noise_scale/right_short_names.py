def noise_scale(n_small, n_big, b_small, b_big):
    if len(n_small) != len(n_big) or len(n_small) == 0:
        raise ValueError("n_small, n_big")
    if not 0 < b_small < b_big:
        raise ValueError("b_small, b_big")
    s0 = float(sum(n_small)) / len(n_small)
    b0 = float(sum(n_big)) / len(n_big)
    g2 = (b_big * b0 - b_small * s0) / (b_big - b_small)
    s = (s0 - b0) / (1 / b_small - 1 / b_big)
    return g2, s, s / g2
