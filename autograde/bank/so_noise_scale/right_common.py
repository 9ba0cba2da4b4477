def noise_scale(n_small, n_big, b_small, b_big):
    if len(n_small) != len(n_big) or len(n_small) == 0:
        raise ValueError("n_small and n_big must be pairs")
    if not 0 < b_small < b_big:
        raise ValueError("need 0 < b_small < b_big")
    small = float(sum(n_small)) / len(n_small)
    big = float(sum(n_big)) / len(n_big)
    g2 = (b_big * big - b_small * small) / (b_big - b_small)
    s = (small - big) / (1 / b_small - 1 / b_big)
    return g2, s, s / g2
