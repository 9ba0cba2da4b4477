"""Sweeps against the loop over `torch.optim.SGD` with autograd that a good engineer would write instead."""

import math

import torch
from torch import nn
from torch.nn import functional as F

import noisydescent as nd
from noisydescent.training import sweep
from tests.bench.timing import medians, seconds, threads


def descend(loss_of_step, parameters, steps, rate):
    """One run of the loop: loss, backward, step."""
    optimizer = torch.optim.SGD(parameters, lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of_step().backward()
        optimizer.step()


def loop_quadratic(problem, seed, steps, batch_size, rate):
    random = torch.Generator().manual_seed(seed)
    theta = problem.start.clone().requires_grad_()
    eigenvalues, scale = problem.eigenvalues, problem.noise_variance.sqrt() / batch_size**0.5

    def loss():
        noise = torch.randn(theta.shape, generator=random, dtype=theta.dtype) * scale
        return 0.5 * (eigenvalues * theta.square()).sum() + noise @ theta

    descend(loss, [theta], steps, rate)
    return float(problem.loss(theta.detach()))


def loop_logistic(problem, seed, steps, batch_size, rate):
    random = torch.Generator().manual_seed(seed)
    theta = torch.zeros(problem.dim, dtype=problem.dtype, requires_grad=True)

    def loss():
        rows = torch.randint(problem.n_samples, (batch_size,), generator=random)
        margins = problem.y[rows] * (problem.X[rows] @ theta)
        return F.softplus(-margins).mean() + 0.5 * problem.l2 * theta.square().sum()

    descend(loss, [theta], steps, rate)
    return float(problem.loss(theta.detach()))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(self, x):
        batch, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*qkv.unbind(), is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class PlainTransformer(nn.Module):
    """The same model as `MarkovLanguage`'s, as one writes it for a single run."""

    def __init__(self, problem):
        super().__init__()
        vocabulary, width = problem.source.vocabulary, problem.width
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(problem.length, width))
        self.blocks = nn.Sequential(*(Block(width, problem.heads) for _ in range(problem.layers)))
        self.norm, self.head = nn.LayerNorm(width, bias=False), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.tokens(tokens) + self.positions)))


def loop_transformer(problem, seed, steps, batch_size, rate):
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = PlainTransformer(problem)

    def loss():
        batch = problem.pool[torch.randint(len(problem.pool), (batch_size,), generator=random)]
        return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())

    descend(loss, model.parameters(), steps, rate)


def a_run(ours, runs, rival, loops):
    """Seconds a run of both and their ratio, from the seconds that `runs` and `loops` runs took."""
    return {
        "ratio": (rival / loops) / (ours / runs),
        "ours_ms_a_run": 1e3 * ours / runs,
        "rival_ms_a_run": 1e3 * rival / loops,
    }


PEAKS = [0.02 * 1.4**k for k in range(8)]


def sweep_quadratic():
    """256 runs (8 learning rates, 32 seeds) of 1,000 steps, d = 20."""
    problem = nd.Quadratic(torch.logspace(-2, 0, 20), noise=1.0, device="cpu")
    with threads(1):  # the better one for both: all tensors are tiny
        ours, rival = medians(
            lambda: sweep(problem, steps=1000, batch_sizes=[8], peaks=PEAKS, seeds=32, progress=False),
            lambda: [loop_quadratic(problem, seed, 1000, 8, 0.1) for seed in range(2)],
        )
    return a_run(ours, 256, rival, 2)


def sweep_logistic(batch_size):
    """64 runs (8 learning rates, 8 seeds) of 500 steps on 2,000 samples of 20 features."""
    problem = nd.Logistic.gaussian_classes(device="cpu")
    with threads(1):
        ours, rival = medians(
            lambda: sweep(problem, steps=500, batch_sizes=[batch_size], peaks=PEAKS, seeds=8, progress=False),
            lambda: [loop_logistic(problem, seed, 500, batch_size, 0.1) for seed in range(3)],
        )
    return a_run(ours, 64, rival, 3)


def sweep_transformer(batch_size=8):
    """8 runs (4 learning rates, 2 seeds) of 100 steps; both sides with the thread count that is best for them."""
    problem = nd.MarkovLanguage(device="cpu")
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(
                medians(
                    lambda: sweep(
                        problem,
                        steps=100,
                        batch_sizes=[batch_size],
                        peaks=[0.1, 0.2, 0.3, 0.4],
                        seeds=2,
                        progress=False,
                    ),
                    lambda: [loop_transformer(problem, seed, 100, batch_size, 0.3) for seed in range(8)],
                )
            )
    ours, rival = (min(times) for times in zip(*found, strict=True))
    return a_run(ours, 8, rival, 8)


def floor_gap():
    """The transformer lab's default run: what is left of the way from its start to the entropy rate, and its time."""
    from noisydescent import lab
    from noisydescent.labs.measurement import LABS, lab_language

    problem, ends = lab_language(), []
    elapsed = seconds(lambda: ends.append(LABS["transformer"].measure(lab.TRANSFORMER_DEFAULT).curves.mean))
    (losses,) = ends
    gap = (losses[-1] - problem.floor) / (losses[0] - problem.floor)
    assert math.isfinite(gap)
    return {"gap": float(gap), "seconds": elapsed}
