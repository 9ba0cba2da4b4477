"""A Markov source of tokens: synthetic text whose entropy rate is computed, not estimated."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from noisydescent.arguments import whole_number


class MarkovSource:
    """Tokens whose distribution depends on the last `order` tokens.

    transition    (V, ..., V) with order + 1 axes; transition[a, b] is the distribution after token a (order 1),
                  transition[a, b, c] of token c after a, b (order 2). Every row sums to one.
    entropy_rate  nats a token: sum over contexts of the stationary probability times the entropy of the row.
                  No model that predicts the next token can have a lower expected cross-entropy.
    """

    def __init__(self, transition: Tensor) -> None:
        self.transition = torch.as_tensor(transition, dtype=torch.float64)
        self.vocabulary = self.transition.shape[-1]
        self.order = self.transition.dim() - 1
        if self.order < 1 or len(set(self.transition.shape)) != 1:
            raise ValueError(f"transition must have equal axes (V, ..., V), got {tuple(self.transition.shape)}")
        if (self.transition < 0).any() or not torch.allclose(self.transition.sum(-1), torch.ones(()).double()):
            raise ValueError("transition must hold probabilities: not negative, each last axis summing to one")
        self.rows = self.transition.reshape(-1, self.vocabulary)  # one row a context
        self.stationary = self._stationary()
        self.entropy_rate = float((self.stationary[:, None] * torch.special.entr(self.rows)).sum())

    @classmethod
    def random(cls, vocabulary: int = 16, order: int = 1, sharpness: float = 1.5, seed: int = 0) -> MarkovSource:
        """Rows softmax(sharpness * normal): sharper rows mean a lower entropy rate."""
        shape = (whole_number("vocabulary", vocabulary, 2),) * (whole_number("order", order) + 1)
        logits = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return cls(torch.softmax(sharpness * logits, dim=-1))

    def _stationary(self, most: int = 10_000) -> Tensor:
        """Stationary distribution over contexts, (V**order,), by iterating the chain of contexts."""
        states = torch.full((self.rows.shape[0],), 1 / self.rows.shape[0], dtype=torch.float64)
        for _ in range(most):
            # context (a, b) followed by c becomes (b, c): sum over the oldest token
            joint = (states[:, None] * self.rows).reshape(self.vocabulary, -1)
            following = 0.5 * (states + joint.sum(dim=0))  # the lazy chain has the same law and no cycles
            change = float((following - states).abs().max())
            states = following
            if change < 1e-16:
                break
        if change > 1e-13:
            raise ValueError(f"transition mixes too slowly: no stationary distribution after {most} iterations")
        return states / states.sum()

    def sample(self, sequences: int, length: int, generator: torch.Generator) -> Tensor:
        """Token sequences started from the stationary law, shape (sequences, length), dtype int64, on the CPU."""
        cumulative = self.rows.cumsum(dim=1)
        cumulative[:, -1] = math.inf  # rounding must not give a token past the last
        context = torch.multinomial(self.stationary, sequences, replacement=True, generator=generator)
        # the context itself is part of the text: write its tokens first, oldest first
        tokens = [(context // self.vocabulary**k) % self.vocabulary for k in reversed(range(self.order))]
        while len(tokens) < length:
            uniform = torch.rand(sequences, 1, generator=generator, dtype=torch.float64)
            token = torch.searchsorted(cumulative[context], uniform, right=True).squeeze(1)
            tokens.append(token)
            context = (context * self.vocabulary + token) % self.rows.shape[0]
        return torch.stack(tokens[:length], dim=1)
