# names: without its sign
def rm_asymptotic_variance(c, lam, noise_var):
    if c <= 0:
        raise ValueError("c")
    if lam <= 0:
        raise ValueError("lam")
    if noise_var < 0:
        raise ValueError("noise_var")

    return c * c * noise_var / abs(2 * c * lam - 1) if 2 * c * lam != 1 else float("inf")
