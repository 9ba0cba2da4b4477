"""A small causal transformer on a Markov source, with a leading run dimension written out.

Parameters of R transformers are the rows of one tensor `theta` (R, d); every matrix product is a batched one over
runs, so that R trainings cost one tensor program. Pre-norm blocks as in Radford et al., *Language Models are
Unsupervised Multitask Learners*, 2019; causal attention from Vaswani et al., *Attention Is All You Need*, 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from noisydescent.arguments import whole_number
from noisydescent.devices import default_device, generator
from noisydescent.problems.base import Oracle, Problem, seeds_of, stream
from noisydescent.problems.markov import MarkovSource


class MarkovLanguage(Problem):
    """Next-token prediction on sequences from a `MarkovSource`.

    The loss is the mean cross-entropy in nats a token over the positions which have a whole context before them, so
    its floor is exactly `source.entropy_rate`. Training sequences come from a pool of `sequences`, drawn with
    replacement; `loss` is measured on other sequences.
    """

    dtype = torch.float32
    cheap_gradient = False

    def __init__(
        self,
        source: MarkovSource | None = None,
        length: int = 16,
        width: int = 32,
        layers: int = 2,
        heads: int = 2,
        sequences: int = 8192,
        held_out: int = 256,
        seed: int = 0,
        device: torch.device | str | None = None,
    ) -> None:
        self.source = source or MarkovSource.random()
        self.length, self.width = whole_number("length", length), whole_number("width", width)
        self.layers, self.heads = whole_number("layers", layers), whole_number("heads", heads)
        sequences, held_out = whole_number("sequences", sequences), whole_number("held_out", held_out)
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got width {width} and heads {heads}")
        if length <= self.source.order:
            raise ValueError(f"length must be greater than the order of the source ({self.source.order}), got {length}")
        self.device = torch.device(device or default_device())
        self.floor = self.source.entropy_rate
        generator = torch.Generator().manual_seed(seed)
        text = self.source.sample(sequences + held_out, length + 1, generator).to(self.device)
        self.pool, self.held_out = text[:sequences], text[sequences:]
        self.shapes = self._shapes()
        self._sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.dim = sum(self._sizes)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        d, v = self.width, self.source.vocabulary
        shapes: dict[str, tuple[int, ...]] = {"embedding": (v, d), "position": (self.length, d)}
        for i in range(self.layers):
            shapes |= {f"block{i}.norm1": (d,), f"block{i}.qkv": (d, 3 * d), f"block{i}.attention": (d, d)}
            shapes |= {f"block{i}.norm2": (d,), f"block{i}.up": (d, 4 * d), f"block{i}.down": (4 * d, d)}
        return shapes | {"norm": (d,), "head": (d, v)}

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """(R, d) -> the layers' weights by name, each (R, *shape): views of `theta`."""
        parts = theta.split(self._sizes, dim=1)
        named = zip(self.shapes.items(), parts, strict=True)
        return {name: part.view(-1, *shape) for (name, shape), part in named}

    def initial(self, runs: int, generator: torch.Generator) -> Tensor:
        """Normal weights of standard deviation 1/sqrt(fan-in), gains one, a different draw for each run; (R, d)."""
        shape = (whole_number("runs", runs), self.dim)
        theta = torch.randn(shape, generator=generator, device=self.device, dtype=self.dtype)
        for name, weight in self.unflatten(theta).items():
            if weight.dim() == 2:
                weight.fill_(1.0)
            elif name in ("embedding", "position"):
                weight.mul_(0.1)
            else:
                weight.mul_(weight.shape[1] ** -0.5 * (0.1 if name == "head" else 1.0))
        return theta

    def logits(self, theta: Tensor, tokens: Tensor) -> Tensor:
        """theta (R, d), tokens (R, B, T) -> next-token logits (R, B, T, V)."""
        w = self.unflatten(theta)
        runs, batch, length = tokens.shape
        offset = torch.arange(runs, device=tokens.device)[:, None, None] * self.source.vocabulary
        # one table of R * V rows: run r looks its tokens up in its own V rows
        x = F.embedding(tokens + offset, w["embedding"].flatten(0, 1)) + w["position"][:, None, :length]
        x = x.reshape(runs, batch * length, self.width)
        for i in range(self.layers):
            h = F.layer_norm(x, (self.width,)) * w[f"block{i}.norm1"][:, None]
            qkv = (h @ w[f"block{i}.qkv"]).view(runs * batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(*qkv.unbind(), is_causal=True)
            x = x + mixed.transpose(1, 2).reshape(runs, batch * length, self.width) @ w[f"block{i}.attention"]
            h = F.layer_norm(x, (self.width,)) * w[f"block{i}.norm2"][:, None]
            x = x + F.gelu(h @ w[f"block{i}.up"]) @ w[f"block{i}.down"]
        x = F.layer_norm(x, (self.width,)) * w["norm"][:, None]
        return (x @ w["head"]).view(runs, batch, length, -1)

    def sequence_losses(self, theta: Tensor, sequences: Tensor) -> Tensor:
        """Cross-entropy in nats of every predicted token: (R, d), (R, B, T + 1) -> (R, B, T + 1 - order)."""
        first = self.source.order - 1
        logits = self.logits(theta, sequences[..., :-1])[:, :, first:]
        return F.cross_entropy(logits.flatten(0, 2), sequences[..., first + 1 :].flatten(), reduction="none").view(
            *logits.shape[:3]
        )

    @torch.no_grad()
    def loss(self, theta: Tensor) -> Tensor:
        """Held-out cross-entropy, nats a token, (R, d) -> (R,)."""
        return self.sequence_losses(theta, self.held_out.expand(len(theta), -1, -1)).mean(dim=(1, 2))

    def gradient(self, theta: Tensor, sequences: Tensor) -> Tensor:
        """Gradient of each run's mean loss over its own sequences (R, B, T + 1), shape (R, d)."""
        theta = theta.detach().requires_grad_()
        # the sum over runs: no run's loss depends on another run's parameters
        total = self.sequence_losses(theta, sequences).mean(dim=(1, 2)).sum()
        return torch.autograd.grad(total, theta)[0]

    def per_sample_gradients(self, theta: Tensor, sequences: Tensor) -> Tensor:
        """Gradient of every sequence's loss at one theta (d,): (N, T + 1) -> (N, d), each sequence as a run."""
        return self.gradient(theta.expand(len(sequences), -1), sequences[:, None])

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Minibatch gradients from sequences of the pool, drawn with replacement, see `Problem.oracle`."""
        minibatches = self._minibatches(seeds_of(runs, copies), whole_number("batch_size", batch_size), generator)
        return lambda theta: self.gradient(theta, next(minibatches).repeat(copies, 1, 1))

    def sample_oracle(
        self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1
    ) -> Callable[[Tensor], Tensor]:
        """The gradient of every sequence of the minibatches of `oracle`, (R, d) -> (R, B, d).

        Every sequence is a run of its own: about twice the cost of the batch's gradient.
        """
        batch_size = whole_number("batch_size", batch_size)
        minibatches = self._minibatches(seeds_of(runs, copies), batch_size, generator)

        def gradients(theta: Tensor) -> Tensor:
            sequences = next(minibatches).repeat(copies, 1, 1).flatten(0, 1)[:, None]  # (R * B, 1, T + 1)
            return self.gradient(theta.repeat_interleave(batch_size, dim=0), sequences).view(len(theta), batch_size, -1)

        return gradients

    def _minibatches(self, seeds: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Sequences (S, B, T + 1) for one step after the other."""

        def draw(steps: int) -> Tensor:
            shape = (steps, seeds, batch_size)
            return torch.randint(len(self.pool), shape, generator=generator, device=self.device)

        return (self.pool[index] for index in stream(draw, seeds * batch_size))

    def gradient_spread(self) -> Tensor:
        """Standard deviation of one sequence's gradient in each coordinate, (d,), at a start."""
        start = self.initial(1, generator(0, self.device))[0]
        return self.per_sample_gradients(start, self.held_out[:128]).std(dim=0)

    def bytes_per_run(self, batch_size: int) -> int:
        """Parameters, gradient, and what the backward pass keeps of every token (also of the held-out sequences)."""
        tokens = self.length * max(batch_size, len(self.held_out) // 4)
        kept = tokens * (self.layers * (16 * self.width + self.heads * self.length) + 4 * self.source.vocabulary)
        return 4 * (4 * self.dim + kept)
