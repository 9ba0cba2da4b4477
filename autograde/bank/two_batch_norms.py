"""Squared gradient norms at two batch sizes: the estimates of signal and noise, and wrong formulas for them."""

from __future__ import annotations

import math

import torch

from autograde.bank.inputs import uniform


def measured(generator, pairs, signal, noise, b_small, b_big, spread):
    """Squared norms that scatter about signal + noise/B, as two lists; their means hardly do."""

    def draw(size):
        factors = 2 * spread * torch.rand(pairs, generator=generator, dtype=torch.float64)
        factors += 1 + uniform(generator, -0.03, 0.03) - factors.mean()
        return ((signal + noise / size) * factors).tolist()

    return draw(b_small), draw(b_big)


def estimates(small, big, b_small, b_big):
    """Unbiased (norm(grad f)^2, tr Sigma) from a squared norm, or the mean of several, at each of two batch sizes."""
    return (b_big * big - b_small * small) / (b_big - b_small), (small - big) / (1 / b_small - 1 / b_big)


def signal_formulas(s, n, b, B):
    """Sentence -> a wrong G2 from the two squared norms s (small batch) and n (big batch)."""
    right, noise = estimates(s, n, b, B)
    return {
        "G2: the weights are swapped: b_big goes with n_big and b_small with n_small": (B * s - b * n) / (B - b),
        "G2: the weights are swapped, and so is the sign: it is (b_big n_big - b_small n_small)/(b_big - b_small)": (
            (b * n - B * s) / (B - b)
        ),
        "G2: wrong sign: it is (b_big n_big - b_small n_small)/(b_big - b_small)": -right,
        "G2: n_big as it stands still contains the noise S/b_big: subtract it by means of n_small": n,
        "G2: n_small as it stands still contains the noise S/b_small: subtract it by means of n_big": s,
        "G2: the plain difference of the squared norms removes the signal, not the noise: weigh each by its batch "
        "size first": n - s,
        "G2: the difference n_small - n_big removes the signal, not the noise: weigh each by its batch size first": (
            s - n
        ),
        "G2: each squared norm is divided by its batch size: multiply": (n / B - s / b) / (1 / B - 1 / b),
        "G2: the division by b_big - b_small is missing": B * n - b * s,
        "G2: the division is by b_big + b_small: it is by b_big - b_small": (B * n - b * s) / (B + b),
        "G2: the division is by b_big alone: it is by b_big - b_small": (B * n - b * s) / B,
        "G2: the division is by b_small alone: it is by b_big - b_small": (B * n - b * s) / b,
        "G2: a plus where the two weighted squared norms are subtracted": (B * n + b * s) / (B - b),
        "G2: the weighted mean of both squared norms came back: subtract the small batch, (b_big n_big - b_small "
        "n_small)/(b_big - b_small)": (B * n + b * s) / (B + b),
        "G2: the batch sizes are squared: E norm^2 = G2 + S/B is linear in 1/B": (B**2 * n - b**2 * s) / (B**2 - b**2),
        "G2: the square roots of the batch sizes are used: E norm^2 = G2 + S/B is linear in 1/B": (
            (math.sqrt(B) * n - math.sqrt(b) * s) / (math.sqrt(B) - math.sqrt(b))
        ),
        "G2: the noise S is subtracted from n_big without dividing it by b_big": n - noise,
        "G2: the noise S/b_small is subtracted from n_big, whose batch size is b_big": n - noise / b,
        "G2: the noise is added to n_big: subtract S/b_big": n + noise / B,
    }


def noise_formulas(s, n, b, B):
    """Sentence -> a wrong S from the two squared norms."""
    signal, right = estimates(s, n, b, B)
    return {
        "S: wrong sign: n_small is the noisier one, S = (n_small - n_big)/(1/b_small - 1/b_big)": -right,
        "S: multiplied by 1/b_small - 1/b_big: divide by it": (s - n) * (1 / b - 1 / B),
        "S: divided by b_big - b_small: the noise falls with 1/B, so divide by 1/b_small - 1/b_big": (s - n) / (B - b),
        "S: divided by b_small - b_big: the noise falls with 1/B, so divide by 1/b_small - 1/b_big": (s - n) / (b - B),
        "S: multiplied by b_big - b_small: divide by 1/b_small - 1/b_big": (s - n) * (B - b),
        "S: the difference n_small - n_big came back: divide it by 1/b_small - 1/b_big": s - n,
        "S: b_small (n_small - n_big) takes n_big for free of noise: divide by 1/b_small - 1/b_big": b * (s - n),
        "S: b_big (n_small - n_big) came back: divide by 1/b_small - 1/b_big": B * (s - n),
        "S: divided by 1/b_small + 1/b_big: it is their difference": (s - n) / (1 / b + 1 / B),
        "S: the inverse 1/(1/b_small - 1/b_big) is missing b_small or b_big: it is b_small b_big/(b_big - b_small)": (
            (s - n) * B / (B - b)
        ),
        "S: the noise at b_small came back: multiply it by b_small to get that of a single sample": right / b,
        "S: the noise at b_big came back: multiply it by b_big to get that of a single sample": right / B,
        "S: b_small n_small came back, which still contains the signal: use the difference of both norms": b * s,
        "S: b_big n_big came back, which still contains the signal: use the difference of both norms": B * n,
        "S: the batch sizes are squared: E norm^2 = G2 + S/B is linear in 1/B": (s - n) / (1 / b**2 - 1 / B**2),
        "S: the square roots of the batch sizes are used: E norm^2 = G2 + S/B is linear in 1/B": (
            (s - n) / (1 / math.sqrt(b) - 1 / math.sqrt(B))
        ),
        "S: n_small - G2 came back: it is S/b_small": s - signal,
    }
