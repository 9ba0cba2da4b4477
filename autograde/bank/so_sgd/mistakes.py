"""SGD with a schedule: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import torch


def trajectory(theta0, steps, update):
    """Rows theta_0 .. theta_steps of theta_{t+1} = update(theta_t, t)."""
    rows = [theta0.double()]
    for t in range(steps):
        rows.append(update(rows[-1], t))
    return torch.stack(rows)


def sgd_trajectory(grad, theta0, lr, steps):
    return trajectory(theta0, steps, lambda theta, t: theta - lr(t) * grad(theta, t))


def sgd_mistakes(grad, theta0, lr, steps):
    """Sentence -> what that mistake returns. `grad` must be a function of its arguments alone."""
    start = theta0.double()
    right = sgd_trajectory(grad, theta0, lr, steps)

    def run(update):
        return lambda: trajectory(theta0, steps, update)

    def with_memory(decay, damping=1.0, inside=False, ahead=0.0):
        """Momentum: `inside` has the learning rate in the buffer, `ahead` looks that far along it for the gradient."""

        def compute():
            velocity = torch.zeros_like(start)
            rows = [start]
            for t in range(steps):
                inner, outer = (lr(t), 1.0) if inside else (1.0, lr(t))
                gradient = grad(rows[-1] - ahead * outer * velocity, t)
                velocity = decay * velocity + damping * inner * gradient
                rows.append(rows[-1] - outer * velocity)
            return torch.stack(rows)

        return compute

    def compounded():
        rate = 1.0
        rows = [start]
        for t in range(steps):
            rate *= lr(t)
            rows.append(rows[-1] - rate * grad(rows[-1], t))
        return torch.stack(rows)

    def repeated(after_first):
        return lambda: torch.stack([right[0] if after_first else right[-1]] + [right[-1]] * steps)

    late = "The learning rate is read one step late: the step from theta_t uses lr(t), not lr(t + 1)"
    return {
        "The step goes uphill, theta + lr * grad: descent subtracts": run(
            lambda theta, t: theta + lr(t) * grad(theta, t)
        ),
        late: run(lambda theta, t: theta - lr(t + 1) * grad(theta, t)),
        "The learning rate is read one step early, lr(t - 1): the step from theta_t uses lr(t)": run(
            lambda theta, t: theta - lr(max(t - 1, 0)) * grad(theta, t)
        ),
        "t is counted from 1: lr and grad must see t = 0 first": run(
            lambda theta, t: theta - lr(t + 1) * grad(theta, t + 1)
        ),
        "grad is called with t + 1: the step from theta_t uses grad(theta_t, t)": run(
            lambda theta, t: theta - lr(t) * grad(theta, t + 1)
        ),
        "The learning rate is evaluated once, at t = 0: read lr(t) at every step": run(
            lambda theta, t: theta - lr(0) * grad(theta, t)
        ),
        "The learning rate lr(steps) is used at every step: read lr(t)": run(
            lambda theta, t: theta - lr(steps) * grad(theta, t)
        ),
        "The learning rate lr(steps - 1) is used at every step: read lr(t)": run(
            lambda theta, t: theta - lr(steps - 1) * grad(theta, t)
        ),
        "The schedule runs backwards: step t uses lr(t)": run(
            lambda theta, t: theta - lr(steps - 1 - t) * grad(theta, t)
        ),
        "The learning rates are multiplied up from step to step: lr(t) is the rate of step t itself": compounded,
        "The learning rate is left out: the step is lr(t) * grad(theta, t)": run(
            lambda theta, t: theta - grad(theta, t)
        ),
        "The learning rate is applied twice: the step is lr(t) * grad(theta, t)": run(
            lambda theta, t: theta - lr(t) ** 2 * grad(theta, t)
        ),
        "The learning rate is divided by t + 1 on top of the schedule: lr(t) is the whole rate": run(
            lambda theta, t: theta - lr(t) / (t + 1) * grad(theta, t)
        ),
        "The gradient is divided by the learning rate: multiply by lr(t)": run(
            lambda theta, t: theta - grad(theta, t) / lr(t)
        ),
        "grad is always evaluated at theta0: each step needs the gradient at the current theta": run(
            lambda theta, t: theta - lr(t) * grad(start, t)
        ),
        "grad is evaluated at the previous iterate: each step needs the gradient at the current theta": (
            lambda: delayed(grad, start, lr, steps)
        ),
        "grad is always called with t = 0: hand it the current step": run(
            lambda theta, t: theta - lr(t) * grad(theta, 0)
        ),
        "Every step starts again from theta0: subtract the step from the current theta": run(
            lambda theta, t: start - lr(t) * grad(theta, t)
        ),
        "Every step restarts at theta0 and uses its gradient: carry the current theta on": run(
            lambda theta, t: start - lr(t) * grad(start, t)
        ),
        "The gradients of all steps are accumulated: step t uses grad(theta_t, t) alone": with_memory(1.0),
        "There is momentum 0.9 in the update: plain SGD has none": with_memory(0.9),
        "The gradient is averaged over steps (factor 0.9): plain SGD uses the current one alone": with_memory(0.9, 0.1),
        "There is momentum 0.5 in the update: plain SGD has none": with_memory(0.5),
        "There is momentum 0.9 in the update, with the learning rate inside: plain SGD has none": with_memory(
            0.9, inside=True
        ),
        "This is Nesterov momentum (0.9): plain SGD evaluates grad at theta itself": with_memory(0.9, ahead=0.9),
        "This is Nesterov momentum (0.9), with the learning rate inside: plain SGD evaluates grad at theta itself": (
            with_memory(0.9, inside=True, ahead=0.9)
        ),
        "The running mean of the iterates came back: row t is theta_t itself": lambda: (
            right.cumsum(dim=0) / torch.arange(1, steps + 2)[:, None]
        ),
        "The gradient is normalised to length one: the step is lr(t) * grad(theta, t)": run(
            lambda theta, t: theta - lr(t) * grad(theta, t) / grad(theta, t).norm()
        ),
        "Only the sign of the gradient is used: the step is lr(t) * grad(theta, t)": run(
            lambda theta, t: theta - lr(t) * grad(theta, t).sign()
        ),
        "The steps are recorded instead of the iterates: return theta itself": run(
            lambda theta, t: -lr(t) * grad(theta, t)
        ),
        "All rows show the last iterate: the list holds one tensor that is updated in place; append a copy": repeated(
            False
        ),
        "All rows but the first show the last iterate: one tensor is updated in place; append a copy": repeated(True),
        "All rows equal theta0: theta is never updated": lambda: start.expand(steps + 1, -1).clone(),
        "theta0 is missing: row 0 is the start, so there are steps + 1 rows": lambda: right[1:],
        "The last iterate is missing: steps updates give steps + 1 rows": lambda: right[:-1],
        "One step too many: theta_steps is the last row": lambda: sgd_trajectory(grad, theta0, lr, steps + 1),
        "All rows show the last iterate and theta0 is missing: append copies, beginning with theta0": (
            lambda: right[-1].expand(steps, -1).clone()
        ),
        "Only the last iterate came back: return the whole trajectory (steps + 1, d)": lambda: right[-1],
        "The trajectory came back in reverse order: row t is theta_t": lambda: right.flip(0),
        "The trajectory is transposed: one row an iterate, shape (steps + 1, d)": lambda: right.T,
        "The gradients came back instead of the iterates": lambda: torch.stack(
            [grad(right[t], t) for t in range(steps)]
        ),
        "The mean of the iterates came back: return the whole trajectory (steps + 1, d)": lambda: right.mean(dim=0),
        "The iterates are joined to one vector: stack them, shape (steps + 1, d)": lambda: right.flatten(),
        "The trajectory has an extra dimension: return shape (steps + 1, d)": lambda: right[:, None, :],
    }


def delayed(grad, start, lr, steps):
    rows = [start]
    for t in range(steps):
        rows.append(rows[-1] - lr(t) * grad(rows[max(t - 1, 0)], t))
    return torch.stack(rows)
