"""One step of an optimizer, by its name, on parameters (R, d): alone, or with what the hooks do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from noisydescent import optimizers
from noisydescent.optimizers import with_feedback
from noisydescent.problems import Problem
from noisydescent.training.hooks import Hooks
from noisydescent.training.records import Move

# (theta (R, d), gradient (R, d), state, rates (R,)) -> (theta, state)
Update = Callable[[Tensor, Tensor, Any, Tensor], tuple[Tensor, Any]]
# (theta, gradient, state, rates (R,), step t, whether to look) -> (theta, state, move): the move tells the learning
# rate; SGD has one at every step, others only where somebody looks
Step = Callable[[Tensor, Tensor, Any, Tensor, int, bool], tuple[Tensor, Any, Move | None]]


def is_plain_sgd(optimizer: str, hyper: Mapping) -> bool:
    """Whether the update is -eta_t g and nothing else."""
    return optimizer == "sgd" and not any(hyper.values())


def step_of(problem: Problem, optimizer: str, hyper: Mapping, hooks: Hooks) -> Step:
    """The step of the optimizer called `optimizer` on `problem`, with the hooks that come after the gradient."""
    update = _update_of(problem, optimizer, hyper)  # an unknown name or hyperparameter is told for SGD as well
    update = None if is_plain_sgd(optimizer, hyper) else update
    if not hooks.gradient_only:
        return _hooked(update, hooks)
    return _sgd if update is None else _rule(update)


def _sgd(theta: Tensor, gradient: Tensor, state: Any, rates: Tensor, t: int, look: bool) -> tuple:
    after = torch.addcmul(theta, rates[:, None], gradient, value=-1)
    return after, None, Move(theta, after, gradient)


def _rule(update: Update) -> Step:
    def step(theta: Tensor, gradient: Tensor, state: Any, rates: Tensor, t: int, look: bool) -> tuple:
        after, following = update(theta, gradient, state, rates)
        direction = _direction(update, theta, gradient, state, rates) if look else None
        return after, following, None if direction is None else Move(theta, after, direction)

    return step


def _direction(update: Update, theta: Tensor, gradient: Tensor, state: Any, rates: Tensor) -> Tensor:
    """The update is linear in the learning rate: the same step at rate one tells what was applied."""
    unit, _ = update(theta, gradient, state, torch.ones_like(rates))
    return theta - unit


def _hooked(update: Update | None, hooks: Hooks) -> Step:
    """The step of `update`, of SGD for None, compressed and averaged over the workers."""

    def step(theta: Tensor, gradient: Tensor, state: Any, rates: Tensor, t: int, look: bool) -> tuple:
        own, held = state or (None, torch.zeros_like(theta))
        if update is None:
            direction, wanted = gradient, rates[:, None] * gradient
        else:
            after, following = update(theta, gradient, own, rates)
            direction = _direction(update, theta, gradient, own, rates) if look else None
            own, wanted = following, theta - after
        left, sent, seen = held, wanted, None
        if hooks.compress is not None:
            sent, left = with_feedback(wanted, held, hooks.compress)
            if not hooks.error_feedback:
                left = held  # stays zero
                if update is None:
                    direction = hooks.compress(direction)
                else:  # entries of one size, as in Adam's first step, may tie: other ones could be sent at rate one
                    seen = theta - wanted
        after = theta - sent
        if seen is None:  # what is held back counts as moved, so that with error feedback the whole update is seen
            seen = after - left
        move = None if direction is None else Move(theta - held, seen, direction)
        if hooks.workers > 1 and (t + 1) % hooks.local_steps == 0:
            after = after.view(hooks.workers, -1, after.shape[1]).mean(dim=0).repeat(hooks.workers, 1)
        return after, (own, left), move

    return step


def _update_of(problem: Problem, name: str, hyper: Mapping) -> Update:
    """The update of the optimizer called `name` on all of theta.

    Elementwise rules see theta whole; the others see the layers of a problem that has any. Of a matrix rule's layers,
    those that are not matrices go to AdamW at the same learning rate, as is usual with Muon.
    """
    rule = optimizers.rule(name, **hyper)
    layers = hasattr(problem, "unflatten")
    if name in optimizers.MATRIX_RULES and not layers:
        raise ValueError(
            f"optimizer {name!r} updates matrices and this problem's parameters are one vector: use another optimizer, "
            "such as 'adamw', or a problem with layers, such as SoftmaxRegression or MarkovLanguage"
        )
    if name not in optimizers.LAYER_RULES or not layers:

        def whole(theta, gradient, state, rates):
            (theta,), state = rule([theta], [gradient], state, rates)
            return theta, state

        return whole

    shapes = list(problem.shapes.values())
    other = [name in optimizers.MATRIX_RULES and len(shape) != 2 for shape in shapes]
    fallback = optimizers.rule("adamw")

    def layered(theta, gradient, state, rates):
        state = state or (None, None)
        weights, grads = (list(problem.unflatten(x).values()) for x in (theta, gradient))
        new: list = [None] * len(weights)
        states = []
        for use, mine, old in [(rule, False, state[0]), (fallback, True, state[1])]:
            index = [i for i, is_other in enumerate(other) if is_other == mine]
            updated, following = (
                use([weights[i] for i in index], [grads[i] for i in index], old, rates) if index else ([], None)
            )
            states.append(following)
            for i, w in zip(index, updated, strict=True):
                new[i] = w
        return torch.cat([w.flatten(1) for w in new], dim=1), tuple(states)

    return layered
