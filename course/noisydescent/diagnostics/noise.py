"""Gradient noise scale from squared gradient norms at two batch sizes, which a training has at hand anyway."""

from __future__ import annotations

import math

from noisydescent.arguments import non_negative


def two_batch_parts(n_small: float, n_big: float, b_small: float, b_big: float) -> tuple[float, float]:
    """(estimate of norm(grad f)^2, estimate of tr Sigma) from squared minibatch gradient norms at two batch sizes.

    G2 = (b_big n_big - b_small n_small) / (b_big - b_small), S = (n_small - n_big) / (1/b_small - 1/b_big): unbiased,
    because E norm(g_B)^2 = norm(grad f)^2 + tr Sigma / B. Either may come out negative. Their quotient is biased:
    average each over time before dividing, as `NoiseScale` does. No cost beyond the two norms.
    ValueError unless 0 < b_small < b_big and the norms are finite and not negative.
    McCandlish et al., *An Empirical Model of Large-Batch Training*, 2018, appendix A.1.
    """
    n_small, n_big = non_negative("n_small", n_small), non_negative("n_big", n_big)
    b_small, b_big = float(b_small), float(b_big)
    if not 0 < b_small < b_big < math.inf:
        raise ValueError(f"b_small must be positive and below b_big, got {b_small!r} and {b_big!r}")
    square = (b_big * n_big - b_small * n_small) / (b_big - b_small)
    trace = (n_small - n_big) / (1 / b_small - 1 / b_big)
    return square, trace


class NoiseScale:
    """B_simple = tr Sigma / norm(grad f)^2 over training: averages of numerator and denominator, kept apart.

    `update` once a step, or once every few steps, with the squared norms of two gradients; the small batch may be part
    of the big one, and n_small the mean over several (`two_batch_norms`, or the micro-batches or workers of a step).
    Both parts are exponential moving averages with weight `decay` in [0, 1) on the past, over about 1 / (1 - decay)
    updates; 0 keeps the last only. A quotient taken at each step and then averaged would be biased.
    McCandlish et al., *An Empirical Model of Large-Batch Training*, 2018, appendix A.1.
    """

    def __init__(self, decay: float = 0.99) -> None:
        self.decay = float(decay)
        if not 0.0 <= self.decay < 1.0:
            raise ValueError(f"decay must lie in [0, 1), got {self.decay!r}")
        self.updates = 0
        self._square = self._trace = 0.0

    def update(self, n_small: float, n_big: float, b_small: float, b_big: float) -> None:
        """Squared gradient norms n_small, n_big at batch sizes b_small < b_big; numbers, or tensors of one number."""
        square, trace = two_batch_parts(n_small, n_big, b_small, b_big)
        self._square += (1 - self.decay) * (square - self._square)
        self._trace += (1 - self.decay) * (trace - self._trace)
        self.updates += 1

    @property
    def gradient_square(self) -> float:
        """Average estimate of norm(grad f)^2, corrected for starting at zero; NaN before the first update."""
        return self._corrected(self._square)

    @property
    def trace(self) -> float:
        """Average estimate of tr Sigma, corrected for starting at zero; NaN before the first update."""
        return self._corrected(self._trace)

    @property
    def value(self) -> float:
        """B_simple in samples; NaN before the first update, inf where the gradient cannot be told from zero."""
        if not self.updates:
            return math.nan
        return self._trace / self._square if self._square > 0 else math.inf

    def signal_to_noise(self, batch_size: float) -> float:
        """SNR = norm(grad f)^2 / E norm(g_B)^2 = 1 / (1 + B_simple / B) of minibatch gradients of this size."""
        batch_size = float(batch_size)
        if not 0 < batch_size < math.inf:
            raise ValueError(f"batch_size must be positive and finite, got {batch_size!r}")
        return 1 / (1 + self.value / batch_size)

    def _corrected(self, average: float) -> float:
        return average / (1 - self.decay**self.updates) if self.updates else math.nan
