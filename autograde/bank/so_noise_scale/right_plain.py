def noise_scale(n_small, n_big, b_small, b_big):
    if len(n_small) != len(n_big):
        raise ValueError("n_small and n_big must have the same length")
    if len(n_small) == 0:
        raise ValueError("n_small is empty")
    if b_small <= 0 or b_big <= b_small:
        raise ValueError("need 0 < b_small < b_big")
    small = sum(n_small) / len(n_small)
    big = sum(n_big) / len(n_big)
    g2 = (b_big * big - b_small * small) / (b_big - b_small)
    s = (small - big) / (1 / b_small - 1 / b_big)
    return g2, s, s / g2
