def rm_asymptotic_variance(c, lam, noise_var):
    if c <= 0 or lam <= 0 or noise_var < 0:
        raise ValueError("c and lam must be positive, noise_var not negative")
    if 2 * c * lam <= 1:
        return float("inf")
    return c**2 * noise_var / (2 * c * lam - 1)
