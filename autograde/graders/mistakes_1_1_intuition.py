"""What the exercises of assignment 1.1 should return, and what typical mistakes return instead.

For each exercise a reference function and a table: sentence for the learner -> the value that this mistake gives on the
same input (or a function that computes it). The first sentence that matches is shown, so the likelier comes first.
"""

from __future__ import annotations

import math

import torch

# so-minibatch-gradient


def logistic_gradient(theta, rows, labels, idx):
    theta, x, y = theta.double(), rows.double()[idx], labels.double()[idx]
    return ((-y * torch.sigmoid(-y * (x @ theta)))[:, None] * x).mean(dim=0)


def logistic_mistakes(theta, rows, labels, idx):
    """Sentence -> what that mistake returns."""
    theta, rows, labels = theta.double(), rows.double(), labels.double()
    x, y, size = rows[idx], labels[idx], len(idx)
    scores = x @ theta
    everything = torch.arange(len(rows))
    once = torch.unique(idx)
    sigmoid = torch.sigmoid

    def mean(weights, data=None):
        data = x if data is None else data
        return (weights[:, None] * data).mean(dim=0)

    right = logistic_gradient(theta, rows, labels, idx)
    wrong = {
        "Wrong sign: the result points downhill; the gradient of the loss has a minus in front": lambda: -right,
        "The full-batch gradient over all N rows came back: use the rows idx only": lambda: logistic_gradient(
            theta, rows, labels, everything
        ),
        "The sum over the rows idx is divided by N, the number of rows in X: divide by the batch size B = len(idx)": (
            lambda: right * size / len(rows)
        ),
        "A repeated row is counted once: average over idx as it stands, so that a row drawn twice counts twice": (
            lambda: logistic_gradient(theta, rows, labels, once)
        ),
        "A repeated row enters the sum once, though the division is by B: repeated rows count as often as drawn": (
            lambda: logistic_gradient(theta, rows, labels, once) * len(once) / size
        ),
        "The first B rows of X are used instead of the rows that idx names": lambda: logistic_gradient(
            theta, rows, labels, everything[:size]
        ),
        "The labels are not indexed: row idx[b] of X must meet label y[idx[b]]": lambda: logistic_gradient(
            theta, x, labels[:size], everything[:size]
        ),
        "This is the formula for labels in {0, 1}, sigmoid(x.theta) - y: here the labels are -1 and +1": lambda: mean(
            sigmoid(scores) - y
        ),
        "sigmoid(+margin) stands where sigmoid(-margin) belongs: rows already classified well must weigh least": (
            lambda: mean(-y * sigmoid(y * scores))
        ),
        "The factor y in front of x is missing: the chain rule gives d(margin)/d(theta) = y x": lambda: mean(
            -sigmoid(-y * scores)
        ),
        "The label y is missing inside the sigmoid: its argument is -y x.theta": lambda: mean(-y * sigmoid(-scores)),
        "The sigmoid is evaluated at +x.theta without the label y: its argument is -y x.theta": lambda: mean(
            -y * sigmoid(scores)
        ),
        "The label y is left out: every row is treated as if its label were +1": lambda: mean(-sigmoid(-scores)),
        "The label y is left out: here every row is treated as if its label were -1": lambda: mean(sigmoid(scores)),
        "The sign of the labels is flipped: this is the gradient for -y": lambda: mean(y * sigmoid(y * scores)),
        "This is the derivative of exp(-margin): the 1 + inside the logarithm, log(1 + exp(-margin)), is missing": (
            lambda: mean(-y * torch.exp(-y * scores))
        ),
        "The derivative of the sigmoid, s (1 - s), is used: the slope of the logistic loss is -sigmoid(-margin)": (
            lambda: mean(-y * sigmoid(y * scores) * sigmoid(-y * scores))
        ),
        "The margin is returned where its sigmoid belongs: the slope of the loss, -sigmoid(-margin), is missing": (
            lambda: mean(-y * -y * scores)
        ),
        "The slope sigmoid(-margin) of the loss is missing: every row has the same weight": lambda: mean(-y),
        "This is the gradient of the squared error, not of the logistic loss": lambda: mean(scores - y),
        "This is twice the gradient of the squared error, that is of (x.theta - y)^2, not of the logistic loss": (
            lambda: mean(2 * (scores - y))
        ),
        "This is the gradient of the hinge loss, not of the logistic loss": lambda: mean(-y * (y * scores < 1)),
        "This is the perceptron update, not the gradient of the logistic loss": lambda: mean(-y * (y * scores <= 0)),
        "The gradient is normalised to length one: return it as it is": lambda: right / right.norm(),
        **{
            f"theta is added with a factor {decay:g}, as weight decay would: the loss has no l2 term here": (
                lambda decay=decay: right + decay * theta
            )
            for decay in (1.0, 0.5, 0.1, 0.01, 1e-3, 1e-4)
        },
        "The mean is taken over the d coordinates too, so the result is d times too small: average over rows only": (
            lambda: right / len(theta)
        ),
        "Base-2 logarithm: the loss is the natural log(1 + exp(-margin))": lambda: right / math.log(2.0),
        "This is the mean loss, not its gradient: differentiate with respect to theta": lambda: (
            torch.nn.functional.softplus(-y * scores).mean()
        ),
        "The summed loss came back, not its gradient: differentiate with respect to theta": lambda: (
            torch.nn.functional.softplus(-y * scores).sum()
        ),
        "One gradient a row, shape (B, d), came back: average over the minibatch": lambda: (
            (-y * sigmoid(-y * scores))[:, None] * x
        ),
        "One loss a row, shape (B,), came back: average them and differentiate with respect to theta": (
            lambda: torch.nn.functional.softplus(-y * scores)
        ),
        "One weight a row, shape (B,), came back: multiply each row x by its weight and average": lambda: (
            -y * sigmoid(-y * scores)
        ),
        "The mean over the d coordinates came back, one number a row: average over the rows, dim=0": (
            lambda: ((-y * sigmoid(-y * scores))[:, None] * x).mean(dim=1)
        ),
        "The result is a column (d, 1): return shape (d,)": lambda: right[:, None],
        "The result is a row (1, d): return shape (d,)": lambda: right[None, :],
    }
    summed = {
        "The sum over the minibatch came back, not the mean: divide by the batch size B": lambda: right * size,
        "The sum over all N rows came back: average over the rows idx only": lambda: (
            len(rows) * logistic_gradient(theta, rows, labels, everything)
        ),
        "A repeated row is counted once, and the sum came back, not the mean: use idx as it stands and divide by B": (
            lambda: logistic_gradient(theta, rows, labels, once) * len(once)
        ),
    }
    # People who forget to average often get something else wrong as well; two mistakes in one still deserve a name.
    # Where B * value equals another entry the shorter sentence comes first.
    both = {
        f"{sentence}; also, this is the sum over the minibatch, not the mean": lambda value=value: value() * size
        for sentence, value in wrong.items()
        if "shape" not in sentence
    }
    return summed | wrong | both


# so-gradient-variance


def minibatch_variance(per_sample, batch_size, replacement):
    g = per_sample.double()
    n_rows = len(g)
    variance = (g - g.mean(dim=0)).square().sum().item() / n_rows / batch_size
    return variance if replacement else variance * (n_rows - batch_size) / (n_rows - 1)


def variance_mistakes(per_sample, batch_size, replacement):
    """Sentence -> what that mistake returns; the first matching one is shown."""
    g, size = per_sample.double(), batch_size
    n_rows, dim = g.shape
    centred = g - g.mean(dim=0)
    trace = (centred.square().sum() / n_rows).item()
    second = (g.square().sum() / n_rows).item()
    covariance = centred.T @ centred / n_rows
    bessel = n_rows / (n_rows - 1) if n_rows > 1 else math.nan
    finite = (n_rows - size) / (n_rows - 1) if n_rows > 1 else math.nan
    factor = 1.0 if replacement else finite
    right = trace / size * factor
    sampled = "The covariance is divided by N - 1 (sample covariance): the N rows are the whole population, divide by N"
    correction = {
        sampled: lambda: right * bessel,
        "The result is divided by the batch size twice (B^2): the variance of a mean of B draws falls as 1/B": lambda: (
            right / size
        ),
        "The division by the batch size B is missing: this is the variance of a single gradient": lambda: right * size,
        "The result is multiplied by B instead of divided: that is the variance of the sum, not of the mean": lambda: (
            right * size * size
        ),
        "The division is by the square root of B: that is how a standard error falls, a variance falls as 1/B": (
            lambda: right * math.sqrt(size)
        ),
        "The standard deviation came back, not the variance: leave out the square root": lambda: math.sqrt(right),
        "The standard deviations of the coordinates are summed: the trace adds variances": lambda: (
            covariance.diagonal().sqrt().sum().item() / size * factor
        ),
        "The second moment is not centred: subtract the mean gradient before squaring": lambda: second / size * factor,
        "The second moment is not centred and divided by N - 1: subtract the mean gradient and divide by N": (
            lambda: second * bessel / size * factor
        ),
        "The variances are averaged over the d coordinates: the trace is their sum": lambda: right / dim,
        "The variances are averaged over the d coordinates and divided by N - 1: the trace is their sum, over N": (
            lambda: right * bessel / dim
        ),
        "All entries are pooled into one variance: take a variance for each coordinate, dim=0, and add them": (
            lambda: g.var(correction=0).item() / size * factor
        ),
        "All entries are pooled into one sample variance: take a variance for each coordinate, dim=0, and add them": (
            lambda: g.var(correction=1).item() / size * factor
        ),
        "The variance is taken over the coordinates of each row (dim=1): take it over the samples, dim=0": (
            lambda: g.var(dim=1, correction=0).sum().item() / size * factor
        ),
        "The variance over the coordinates of each row (dim=1) is used: take it over the samples, dim=0": (
            lambda: g.var(dim=1, correction=1).sum().item() / size * factor
        ),
        "The mean variance over the coordinates of each row (dim=1) is used: take it over the samples, dim=0": (
            lambda: g.var(dim=1, correction=0).mean().item() / size * factor
        ),
        "All entries of the covariance matrix are summed: the trace is the sum of its diagonal": lambda: (
            covariance.sum().item() / size * factor
        ),
        "The Frobenius norm of the covariance is used: the trace is the sum of its diagonal": lambda: (
            covariance.norm().item() / size * factor
        ),
        "The largest eigenvalue of the covariance is used: the trace is the sum of all of them": lambda: (
            torch.linalg.eigvalsh(covariance)[-1].item() / size * factor
        ),
        "The determinant of the covariance is used: the trace is the sum of its diagonal": lambda: (
            torch.linalg.det(covariance).item() / size * factor
        ),
        "The largest variance of a coordinate is used: the trace is the sum of all of them": lambda: (
            covariance.diagonal().max().item() / size * factor
        ),
        "The division by N is missing: the covariance is a mean over the samples": lambda: right * n_rows,
        "One scalar mean of all entries is subtracted: centre every coordinate by its own mean, dim=0": lambda: (
            (g - g.mean()).square().sum().item() / n_rows / size * factor
        ),
        "The deviations are not squared: the trace is the mean of their squared norms": lambda: (
            centred.norm(dim=1).mean().item() / size * factor
        ),
        "The squared norm of the mean gradient is divided by B: that is the signal, not the variance": lambda: (
            g.mean(dim=0).square().sum().item() / size * factor
        ),
    }
    if replacement:
        swapped = {
            "The two cases are swapped: (N - B)/(N - 1) belongs to draws without replacement": lambda: (
                trace / size * finite
            ),
            "(N - B)/N was applied although draws are with replacement, where there is no such factor": lambda: (
                trace / size * (n_rows - size) / n_rows
            ),
            f"{sampled}; also the factor for draws without replacement is applied here": lambda: (
                trace * bessel / size * finite
            ),
        }
        return correction | swapped | also_sampled(correction | swapped, bessel)
    without = {
        "The factor (N - B)/(N - 1) for draws without replacement is missing": lambda: trace / size,
        f"{sampled}; also the factor (N - B)/(N - 1) for draws without replacement is missing": lambda: (
            trace * bessel / size
        ),
        "The factor for draws without replacement is upside down: it is (N - B)/(N - 1)": lambda: trace / size / finite,
        "The factor without replacement is (N - B)/N here: with the population covariance it is (N - B)/(N - 1)": (
            lambda: trace / size * (n_rows - size) / n_rows
        ),
        "The factor for draws without replacement stands under a root: the variance takes (N - B)/(N - 1) itself": (
            lambda: trace / size * math.sqrt(finite)
        ),
        "The factor for draws without replacement is squared: it is (N - B)/(N - 1)": lambda: trace / size * finite**2,
        "The factor for draws without replacement is (N - 1)/(N - B) over N: it is (N - B)/(N - 1)": (
            lambda: trace / size * n_rows / (n_rows - size)
        ),
        "The factor for draws without replacement is off by one, (N - B + 1)/N: it is (N - B)/(N - 1)": lambda: (
            trace / size * (n_rows - size + 1) / n_rows
        ),
        "The factor for draws without replacement is off by one, (N - B - 1)/(N - 1): it is (N - B)/(N - 1)": lambda: (
            trace / size * (n_rows - size - 1) / (n_rows - 1)
        ),
        "The factor for draws without replacement is (B - 1)/(N - 1): it is (N - B)/(N - 1)": lambda: (
            trace / size * (size - 1) / (n_rows - 1)
        ),
        "The factor for draws without replacement is 1 - (N - B)/(N - 1): it is (N - B)/(N - 1)": lambda: (
            trace / size * (1 - finite)
        ),
        "B/N stands where the factor (N - B)/(N - 1) for draws without replacement belongs": lambda: (
            trace / size * size / n_rows
        ),
        "The division by the batch size B is missing, and so is the factor (N - B)/(N - 1)": lambda: trace,
    }
    return without | correction | also_sampled(without | correction, bessel)


def also_sampled(mistakes, bessel):
    """The mistakes together with a second one: the covariance divided by N - 1."""
    return {
        f"{sentence}; also, the covariance is divided by N - 1 instead of N": lambda value=value: value() * bessel
        for sentence, value in mistakes.items()
        if "N - 1 (" not in sentence
    }


def variance_tensors(per_sample, batch_size, replacement):
    """Sentence -> what is left when a reduction is forgotten."""
    g = per_sample.double()
    centred = g - g.mean(dim=0)
    scale = minibatch_variance(per_sample, batch_size, replacement) / max(centred.square().sum().item(), 1e-300)
    return {
        "One variance a coordinate, shape (d,), came back: the trace is their sum": centred.square().sum(dim=0) * scale,
        "The whole covariance matrix (d, d) came back: return its trace": centred.T @ centred * scale,
        "One squared deviation a row, shape (N,), came back: average them": centred.square().sum(dim=1)
        * scale
        * len(g),
    }


# so-sgd


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


# so-samples-to-target


def samples_seen(losses, batch_size, target):
    for step, loss in enumerate(losses):
        if loss <= target:
            return step * batch_size
    return None


def samples_mistakes(losses, batch_size, target):
    """Sentence -> what that mistake returns."""
    met = [step for step, loss in enumerate(losses) if loss <= target]
    below = [step for step, loss in enumerate(losses) if loss < target]
    above = [step for step, loss in enumerate(losses) if loss >= target]
    finite = [loss for loss in losses if not math.isnan(loss)]
    lowest = losses.index(min(finite))
    nearest = min(
        range(len(losses)), key=lambda step: abs(losses[step] - target) if losses[step] == losses[step] else math.inf
    )
    last = len(losses) - 1
    staying = next((s for s in range(len(losses)) if all(loss <= target for loss in losses[s:])), None)
    equal = [step for step, loss in enumerate(losses) if loss == target]
    low, high = 0, len(losses)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if losses[middle] <= target else (middle + 1, high)
    none = "a target that is never met gives None"
    if not met:
        return {
            f"0 came back: {none}, as 0 says that no sample was needed": 0,
            f"-1 came back: {none}": -1,
            f"{-batch_size} came back, a -1 that was multiplied by the batch size: {none}": -batch_size,
            f"Infinity came back: {none}": math.inf,
            f"NaN came back: {none}": math.nan,
            f"False came back: {none}": False,
            f"The samples of the whole run came back: {none}": len(losses) * batch_size,
            f"The samples up to the last loss came back: {none}": last * batch_size,
            f"The number of losses came back: {none}": len(losses),
            f"The last step came back: {none}": last,
            f"The cost of the smallest loss came back: {none}": lowest * batch_size,
            f"The cost up to the first loss >= target came back: the target is met when loss <= target, and {none}": (
                above[0] * batch_size if above else None
            ),
        }
    first = met[0]

    def cost(steps, offset=0):
        return (steps[0] + offset) * batch_size if steps else None

    strict = "A loss equal to the target already meets it: compare with <=, not <"
    return {
        "Off by one step: losses[0] was measured before any step, so losses[k] cost k * B samples, not (k + 1) * B": (
            cost(met, 1)
        ),
        strict: cost(below),
        f"{strict}; also losses[k] costs k * B samples, not (k + 1) * B": cost(below, 1),
        "The number of steps came back: multiply by the batch size to count samples": first,
        "The number of losses looked at came back: count samples, steps times batch size": first + 1,
        "Off by one step: losses[k] cost k * B samples, not (k - 1) * B": cost(met, -1),
        "The last time the loss meets the target is used: the first one counts, even if the loss rises again": met[-1]
        * batch_size,
        "The last time the loss meets the target is used, and its step counted from 1: the first one counts": (
            met[-1] + 1
        )
        * batch_size,
        "Only a loss that falls from above the target counts here: losses[0] may meet it already": cost(
            [s for s in met if s and losses[s - 1] > target]
        ),
        "The search waits until the loss stays below the target: the first time counts, even if it rises again": (
            None if staying is None else staying * batch_size
        ),
        "Only the last loss was compared with the target: the first time counts, even if the loss rises again": (
            last * batch_size if losses[-1] <= target else None
        ),
        "The smallest loss is used: what counts is the first loss <= target": lowest * batch_size,
        "The smallest loss is used, and its step is counted from 1: what counts is the first loss <= target": (
            lowest + 1
        )
        * batch_size,
        "The loss nearest to the target is used: what counts is the first loss <= target": nearest * batch_size,
        "The comparison is the wrong way round: the target is met when loss <= target": cost(above),
        "The target is searched for as an exact value: it is met by the first loss <= target": cost(equal),
        "A binary search was used, but losses need not be sorted: look at them one by one": low * batch_size
        if low <= last
        else None,
        "The losses were sorted or skipped over: the first loss <= target counts": (last + 1 - len(met)) * batch_size,
        "The number of losses that meet the target is counted: what counts is when the first one does": len(met)
        * batch_size,
        "losses[0] is skipped: it belongs to the run, and where it meets the target the answer is 0": cost(
            [s for s in met if s]
        ),
        "losses[0] is skipped and the steps are counted from it: it belongs to the run, at step 0": cost(
            [s for s in met if s], -1
        ),
        "The samples of the whole run came back: stop at the first loss <= target": last * batch_size,
        "The result is divided by the batch size: steps times batch size gives samples": first / batch_size,
        **(
            {"None came back although losses[0] meets the target: the cost is 0, which is not 'never'": None}
            if first == 0
            else {}
        ),
        "None came back although the target is met": None,
        "True came back: return how many samples it took": True,
    }


# so-critical-batch-knee


def noise_to_signal(per_sample):
    g = per_sample.double()
    mean = g.mean(dim=0)
    signal = mean.square().sum().item()
    return (g - mean).square().sum().item() / len(g) / signal if signal else math.inf


SMALL = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


def knee_mistakes(per_sample):
    """Sentence -> what that mistake returns."""
    g = per_sample.double()
    n_rows, dim = g.shape
    mean = g.mean(dim=0)
    centred = g - mean
    variances = centred.square().mean(dim=0)
    trace, signal = variances.sum().item(), mean.square().sum().item()
    second = g.square().sum().item() / n_rows
    covariance = centred.T @ centred / n_rows
    bessel = n_rows / (n_rows - 1) if n_rows > 1 else math.nan
    right = trace / signal
    mistakes = {
        "The norm of the mean gradient is not squared: divide by norm(mean)^2": lambda: trace / math.sqrt(signal),
        "The covariance is divided by N - 1 (sample covariance): the N rows are the whole population, divide by N": (
            lambda: right * bessel
        ),
        "The ratio is upside down: noise tr(Cov) over signal norm(mean)^2": lambda: signal / trace,
        "The ratio is upside down, and the covariance is divided by N - 1: noise tr(Cov) over signal norm(mean)^2": (
            lambda: signal / trace / bessel
        ),
        "The second moment is not centred: subtract the mean gradient before squaring": lambda: second / signal,
        "The trace is averaged over the d coordinates: it is a sum, as the squared norm below it is": lambda: (
            right / dim
        ),
        "The squared norm is averaged over the d coordinates: it is a sum, as the trace above it is": lambda: (
            right * dim
        ),
        "The ratio is taken for each coordinate and averaged: divide the two sums once": lambda: (
            (variances / mean.square()).mean().item()
        ),
        "The ratio is taken for each coordinate and summed: divide the two sums once": lambda: (
            (variances / mean.square()).sum().item()
        ),
        "The largest ratio of a coordinate is used: divide the two sums once": lambda: (
            (variances / mean.square()).max().item()
        ),
        "The median ratio of the coordinates is used: divide the two sums once": lambda: (
            (variances / mean.square()).median().item()
        ),
        "The denominator is the mean squared norm of the single gradients: average them first, then take the norm": (
            lambda: trace / second
        ),
        "The denominator uses the sum of the gradients: divide by the squared norm of their mean": lambda: (
            right / n_rows**2
        ),
        "The division by N in the covariance is missing": lambda: right * n_rows,
        "The covariance is divided by N twice: that is the variance of the mean over all N rows": lambda: (
            right / n_rows
        ),
        "The square root of the ratio came back: it is a ratio of squares, as it stands": lambda: math.sqrt(right),
        "The standard deviation is divided by the squared norm: the trace adds variances": lambda: (
            math.sqrt(trace) / signal
        ),
        "The standard deviations of the coordinates are summed: the trace adds variances": lambda: (
            variances.sqrt().sum().item() / signal
        ),
        "The 1-norm of the mean gradient is used: the signal is the squared 2-norm": lambda: (
            trace / mean.abs().sum().item() ** 2
        ),
        "The 1-norm of the mean gradient is used, unsquared: the signal is the squared 2-norm": lambda: (
            trace / mean.abs().sum().item()
        ),
        "The largest entry of the mean gradient is used: the signal is the squared 2-norm": lambda: (
            trace / mean.abs().max().item() ** 2
        ),
        "The entries of the mean gradient are added before squaring: the signal is the sum of their squares": lambda: (
            trace / mean.sum().item() ** 2
        ),
        "The mean is taken over all entries: the mean gradient has one entry a coordinate": lambda: (
            trace / g.mean().item() ** 2
        ),
        "All entries are pooled into one mean and one variance: both are sums over the d coordinates": lambda: (
            g.var(correction=0) / g.mean().square()
        ).item(),
        "All entries are pooled into one variance: the trace adds a variance for each coordinate": lambda: (
            g.var(correction=0).item() / signal
        ),
        "All entries are pooled into one sample variance: the trace adds a variance for each coordinate": lambda: (
            g.var(correction=1).item() / signal
        ),
        "The variance is taken over the coordinates of each row (dim=1): take it over the samples, dim=0": lambda: (
            g.var(dim=1, correction=0).sum().item() / signal
        ),
        "All entries of the covariance matrix are summed: the trace is the sum of its diagonal": lambda: (
            covariance.sum().item() / signal
        ),
        "The largest variance of a coordinate is used: the trace is the sum of all of them": lambda: (
            variances.max().item() / signal
        ),
        "The Frobenius norm of the covariance is used: the trace is the sum of its diagonal": lambda: (
            covariance.norm().item() / signal
        ),
        "The largest eigenvalue of the covariance is used: the trace is the sum of all of them": lambda: (
            torch.linalg.eigvalsh(covariance)[-1].item() / signal
        ),
        "The standard deviations are summed and divided by the norm: it is a ratio of squares": lambda: (
            variances.sqrt().sum().item() / math.sqrt(signal)
        ),
        "The denominator is the squared mean norm of the single gradients: average them first, then take the norm": (
            lambda: trace / g.norm(dim=1).mean().item() ** 2
        ),
        "One scalar mean of all entries is subtracted: centre every coordinate by its own mean, dim=0": lambda: (
            (g - g.mean()).square().sum().item() / n_rows / signal
        ),
        "The deviations are not squared: the trace is the mean of their squared norms": lambda: (
            centred.norm(dim=1).mean().item() / signal
        ),
        "The deviations are not squared, nor is the norm: it is a ratio of squares": lambda: (
            centred.norm(dim=1).mean().item() / math.sqrt(signal)
        ),
        "Noise over noise plus signal came back: divide by the signal norm(mean)^2 alone": lambda: (
            trace / (trace + signal)
        ),
        "The trace alone came back: divide by the squared norm of the mean gradient": lambda: trace,
        "The squared norm of the mean alone came back: it is the denominator of tr(Cov) / norm(mean)^2": lambda: signal,
        "The signal estimate was corrected by tr(Cov)/N: the formula divides by norm(mean)^2 as it is": lambda: (
            trace / (signal - trace / n_rows)
        ),
        "The result is rounded to a whole number: return the float as it is": lambda: float(round(right)),
        "The result is rounded up to a whole number: return the float as it is": lambda: float(math.ceil(right)),
        **{
            f"A constant of about {eps:g} is added to the denominator: divide by norm(mean)^2 itself": (
                lambda eps=eps: trace / (signal + eps)
            )
            for eps in SMALL
        },
        **{
            f"The denominator is kept above {eps:g}: divide by norm(mean)^2 itself": (
                lambda eps=eps: trace / max(signal, eps)
            )
            for eps in SMALL
        },
        **{
            f"About {eps:g} is added to the norm before it is squared: divide by norm(mean)^2 itself": (
                lambda eps=eps: trace / (math.sqrt(signal) + eps) ** 2
            )
            for eps in SMALL
        },
    }
    return mistakes | also_sampled(mistakes, bessel)


# so-robbins-monro


def rate_mistakes(c, t0, power, steps):
    """Sentence -> what that mistake returns at all `steps` together."""
    t = torch.tensor(steps, dtype=torch.float64)
    return {
        "The power is applied to t0 alone, c / (t + t0**power): raise the whole sum t + t0 to the power": lambda: (
            c / (t + t0**power)
        ),
        "The power is applied to t alone, c / (t**power + t0): raise the whole sum t + t0 to the power": lambda: (
            c / (t**power + t0)
        ),
        "The power is applied to c as well, (c / (t + t0))**power: only t + t0 is raised to the power": lambda: (
            (c / (t + t0)) ** power
        ),
        "The power is ignored: this is c / (t + t0)": lambda: c / (t + t0),
        "The offset t0 is ignored: this is c / t**power": lambda: c / t**power,
        "t0 is ignored: this is c / (t + 1)**power": lambda: c / (t + 1) ** power,
        "Off by one: t is counted from 0, so the rate at t is c / (t + t0)**power, not c / (t + 1 + t0)**power": (
            lambda: c / (t + 1 + t0) ** power
        ),
        "Off by one: the rate at t is c / (t + t0)**power, not c / (t - 1 + t0)**power": lambda: (
            c / (t - 1 + t0) ** power
        ),
        "The offset is subtracted: t0 is added to t": lambda: c / (t - t0).abs() ** power,
        "t is multiplied by t0: the sum t + t0 is raised to the power": lambda: c / (t * t0) ** power,
        "The larger of t and t0 is used: the sum t + t0 is raised to the power": lambda: c / t.clamp(min=t0) ** power,
        "t0 is used as a time scale, c / (1 + t/t0)**power: the formula is c / (t + t0)**power": lambda: (
            c / (1 + t / t0) ** power
        ),
        "t0 is used as a decay rate, c / (1 + t0 t)**power: the formula is c / (t + t0)**power": lambda: (
            c / (1 + t0 * t) ** power
        ),
        "The power is negative twice: the rate grows with t; divide by (t + t0)**power": lambda: c * (t + t0) ** power,
        "The factor c is missing: the rate is c / (t + t0)**power": lambda: 1 / (t + t0) ** power,
        "The rate is divided by c: multiply by it": lambda: 1 / (c * (t + t0) ** power),
        "The root is taken instead of the power: the exponent is power, not 1/power": lambda: (
            c / (t + t0) ** (1 / power)
        ),
        "The power is doubled: the rate itself is c / (t + t0)**power, its square has twice the power": lambda: (
            c / (t + t0) ** (2 * power)
        ),
        "t + t0 is multiplied by the power: the sum t + t0 is raised to the power": lambda: c / ((t + t0) * power),
        "Floor division, //, rounds the rate down to a whole number: divide with /": lambda: (
            c / (t + t0) ** power
        ).floor(),
        "The rate is held at c up to t0: the decay c / (t + t0)**power begins at t = 0": lambda: torch.where(
            t < t0, torch.full_like(t, c), c * (t0 / t) ** power
        ),
        "Exponential decay came back: this schedule is the power law c / (t + t0)**power": lambda: (
            c * torch.exp(-power * (t + t0))
        ),
        "Exponential decay, c * power**t, came back: this schedule is the power law c / (t + t0)**power": lambda: (
            c * power**t
        ),
        "A missing bracket, c / t + t0**power: divide by the whole of (t + t0)**power": lambda: c / t + t0**power,
        "A missing bracket, (c / t + t0)**power: divide by the whole of (t + t0)**power": lambda: (c / t + t0) ** power,
        "The rate is capped at 1: return c / (t + t0)**power as it is": lambda: (c / (t + t0) ** power).clamp(max=1.0),
        "The rate is capped at c: return c / (t + t0)**power as it is": lambda: (c / (t + t0) ** power).clamp(max=c),
        "The rate does not depend on t: use the t that the schedule is called with": lambda: torch.full_like(
            t, c / t0**power
        ),
    }


RANGES = {
    "Both ends are wrong: the range is 1/2 < power <= 1": lambda p: 0.5 <= p < 1,
    "power = 1/2 is not enough: the squares are then 1/t, whose sum diverges, so 1/2 itself is excluded": lambda p: (
        0.5 <= p <= 1
    ),
    "power = 1 belongs to the range: the sum of 1/t still diverges": lambda p: 0.5 < p < 1,
    "Only the sum of squares is checked: for power > 1 the rates themselves have a finite sum": lambda p: p > 0.5,
    "Only the sum of squares is checked, and its end 1/2 is wrongly included": lambda p: p >= 0.5,
    "Only the divergence of the sum is checked: for power <= 1/2 the squares have an infinite sum": lambda p: p <= 1,
    "Only the divergence of the sum is checked: the squares need power > 1/2": lambda p: 0 < p <= 1,
    "Only the divergence of the sum is checked, with its end 1 wrongly excluded": lambda p: 0 < p < 1,
    "The lower end is 1/2, not 0: the squares need 2 power > 1": lambda p: 0 <= p <= 1,
    "The answer is inverted: True means that both conditions hold": lambda p: not 0.5 < p <= 1,
    "The conditions are joined by `or`: both must hold": lambda p: True,
    "False for every power: both conditions hold for 1/2 < power <= 1": lambda p: False,
    "Only power = 1 is accepted: every power above 1/2 up to 1 will do": lambda p: p == 1,
    "The first condition is swapped: the sum must diverge, so power <= 1, and the squares need power > 1/2": lambda p: (
        p > 1
    ),
    "The range is that of the squared rate: it is the power of the rate that must lie in 1/2 < power <= 1": lambda p: (
        1 < p <= 2
    ),
    "The upper end is 1, not 2: for power > 1 the rates have a finite sum": lambda p: 0.5 < p <= 2,
    "The upper end is 1, not 2: for power > 1 already the rates have a finite sum": lambda p: 0.5 < p < 2,
}
