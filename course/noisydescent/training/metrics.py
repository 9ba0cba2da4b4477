"""What can be recorded along a training besides the loss, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from noisydescent.arguments import choice
from noisydescent.problems import Problem

# what to record at a step: (problem, theta (R, d), minibatch gradient (R, d)) -> (R,)
Metric = Callable[[Problem, Tensor, Tensor], Tensor]


def gradient_norm(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """norm g_B of the minibatch gradient that the step uses."""
    return gradient.norm(dim=1)


def weight_norm(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """norm theta before the step."""
    return theta.norm(dim=1)


def distance_to_optimum(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """norm(theta - theta*) of a problem whose optimum is known."""
    return (theta - problem.optimum).norm(dim=1)


def gradient_cosine(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """cos(g_B, grad f) of a problem whose full gradient is cheap."""
    return torch.nn.functional.cosine_similarity(gradient, problem.gradient(theta), dim=1)


METRICS: dict[str, Metric] = {
    metric.__name__: metric for metric in (gradient_norm, weight_norm, distance_to_optimum, gradient_cosine)
}


def metrics_by_name(metrics: Mapping[str, Metric] | Sequence[str]) -> dict[str, Metric]:
    """{name: function} as it is, or the functions that `METRICS` has under these names."""
    if isinstance(metrics, Mapping):
        return dict(metrics)
    return {name: METRICS[choice("metric", name, METRICS)] for name in metrics}
