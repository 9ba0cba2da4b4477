# names: used below its threshold
def rm_asymptotic_variance(c, lam, noise_var):
    if c <= 0 or lam <= 0 or noise_var < 0:
        raise ValueError("c and lam must be positive, noise_var not negative")
    excess = 2 * c * lam - 1
    if excess == 0:
        return float("inf")
    return c**2 * noise_var / excess
