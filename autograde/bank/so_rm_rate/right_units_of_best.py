def rm_asymptotic_variance(c, lam, noise_var):
    """In units of the best constant 1/lam."""
    if not c > 0:
        raise ValueError("c must be > 0")
    if not lam > 0:
        raise ValueError("lam must be > 0")
    if noise_var < 0:
        raise ValueError("noise_var must be >= 0")
    k = c * lam
    best = noise_var / lam / lam
    return best * k * k / (2 * k - 1) if k > 0.5 else float("inf")
