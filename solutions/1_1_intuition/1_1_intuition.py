# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] locked="intuition-opening"
# # 1.1 Intuition: assignment
#
# Six short functions, the ones you would reach for when a training run is noisy: what a minibatch estimates, how far off it
# is, how to step along it, what the steps cost in samples, and how the learning rate has to shrink. They follow the lesson
# [1.1 Intuition](../../course/1_stochastic_optimization/1_intuition.ipynb) and can be done in any order.
#
# **How to work.** Replace `raise NotImplementedError()` with your code, run the cell, then run the check below it as often as you
# like. A check lists its tests with their points; a test that fails says which mistake your result looks like. Some tests are
# hidden: they draw their inputs from a seed that the instructor sets, so an answer fitted to one example earns little.
#
# **House rules.** Tensors are `torch.float64` unless a test says otherwise, scalars are Python floats. No function may change its
# arguments. When an argument makes no sense, raise a `ValueError` whose message contains that argument's name; where two
# arguments contradict each other, naming either will do.
#
# **Handing in.** Run *Kernel → Restart Kernel and Run All Cells*, save under the present file name, and submit this notebook. The
# locked cells are put back as they were before grading, so write only in the solution cells or in new cells of your own.

# %% locked="intuition-setup"
import torch

from autograde import check

# %% [markdown] statement="so-minibatch-gradient" lesson="lesson: []"
# *A pass over all N rows costs a minute, and you can afford 32 rows a step. Which vector do you step along?*
#
# For logistic regression with labels $y_i \in \{-1, +1\}$ the loss of row $i$ is
# $\ell_i(\theta) = \log\left(1 + e^{-y_i x_i^\top \theta}\right)$. Return the gradient of the mean loss over the rows that `idx` names,
#
# $$g_{\mathcal B}(\theta) = \nabla_\theta\, \frac{1}{B} \sum_{b=1}^{B} \ell_{\mathtt{idx}[b]}(\theta) .$$
#
# - `theta` $(d,)$, `X` $(N, d)$ and `y` $(N,)$ share one floating dtype; `idx` $(B,)$ holds row numbers as integers. Returns $(d,)$.
# - Sampling with replacement can draw a row more than once; such a row counts as often as it was drawn.
# - The gradient must stay finite and accurate while $|x_i^\top \theta|$ is at most $10^4$.
# - Raise `ValueError` for an `X` that is not a matrix, a `theta` without exactly $d$ entries, a `y` without exactly $N$, or an empty `idx`.
#
# ```python
# theta = torch.tensor([1.0, 0.0])
# X = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, -1.0]])
# y = torch.tensor([1.0, -1.0, 1.0])
# minibatch_gradient(theta, X, y, torch.tensor([0, 1, 1]))  # tensor([-0.0795,  0.9603])
# ```
#
# <details><summary>Hint</summary>
#
# Differentiate the scalar function $m \mapsto \log(1 + e^{-m})$ first and write the result so that no exponential of a large
# positive number is left. The margin $m_i = y_i x_i^\top\theta$ depends on $\theta$ in one place only: the chain rule does the rest.
# </details>


# %% solution="so-minibatch-gradient"
def minibatch_gradient(theta, X, y, idx):
    """Gradient (d,) of the mean logistic loss over the rows idx.

    theta (d,), X (N, d), y (N,) with entries -1 or +1, idx (B,) row numbers; repeats count.
    Raises ValueError naming the argument when shapes disagree or idx is empty.
    """
    ### BEGIN SOLUTION
    if X.ndim != 2:
        raise ValueError(f"X must be a matrix (N, d), got shape {tuple(X.shape)}")
    if theta.shape != (X.shape[1],):
        raise ValueError(f"theta must have shape ({X.shape[1]},) to match X, got {tuple(theta.shape)}")
    if y.shape != (X.shape[0],):
        raise ValueError(f"y must have one label for each of the {X.shape[0]} rows of X, got shape {tuple(y.shape)}")
    if len(idx) == 0:
        raise ValueError("idx is empty: the mean over no rows is undefined")

    # Indexing copies a row once per occurrence, so repeats are counted without any bookkeeping.
    rows, labels = X[idx], y[idx]
    margins = labels * (rows @ theta)
    # d/dm log(1 + e^-m) = -e^-m / (1 + e^-m): inf/inf for m = -1e4. The same number is -sigmoid(-m), and torch.sigmoid
    # picks the branch whose exponential cannot overflow.
    slopes = -torch.sigmoid(-margins)
    # Chain rule: dm/dtheta = y x. Averaging the weighted rows is one matrix-vector product; dividing by B (not N) makes
    # the size of the gradient independent of the batch size, so one learning rate can serve several of them.
    return rows.T @ (slopes * labels) / len(idx)
    ### END SOLUTION


# %% [markdown] statement="so-gradient-variance" lesson="from []"
# *Your loss curve is fuzzy at a batch size of 8. How much calmer will it be at 128, and does it matter that the loader shuffles
# instead of drawing each row afresh?*
#
# Let $g_1, \dots, g_N \in \mathbb R^d$ be the gradients of the single samples, $\bar g$ their mean and
# $\Sigma = \frac1N \sum_i (g_i - \bar g)(g_i - \bar g)^\top$ their covariance. These $N$ samples are the whole population, not a sample from a
# larger one. For the mean $g_{\mathcal B}$ of $B$ of them,
#
# $$\operatorname{tr}\operatorname{Cov}(g_{\mathcal B}) = \frac{\operatorname{tr}\Sigma}{B} \times
# \begin{cases} 1 & \text{drawn with replacement,}\\[2pt] \dfrac{N-B}{N-1} & \text{drawn without replacement.}\end{cases}$$
#
# - `per_sample` $(N, d)$ has $g_i$ in row $i$; `batch_size` is a positive integer, at most $N$ without replacement. Returns a float.
# - An exact number is wanted, so nothing is sampled.
# - A batch size of zero or below, a `per_sample` that is not two-dimensional, and one without rows are each a `ValueError`.
#
# ```python
# per_sample = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
# gradient_variance(per_sample, 2)                     # 1.0
# gradient_variance(per_sample, 2, replacement=False)  # about 0.6667
# ```
#
# <details><summary>Hint</summary>
#
# The trace needs only the diagonal of the covariance: one variance for each coordinate. Look up what `torch.var` divides by unless told
# otherwise, and check your factor at both ends, $B = 1$ and $B = N$.
# </details>


# %% solution="so-gradient-variance"
def gradient_variance(per_sample, batch_size, replacement=True):
    """Trace of the covariance of the mean of batch_size rows of per_sample (N, d), as a float.

    Population covariance (divided by N); replacement says whether a batch may contain a row twice.
    Raises ValueError naming batch_size when it is not positive, per_sample when it is not a matrix with rows.
    """
    ### BEGIN SOLUTION
    if per_sample.ndim != 2 or per_sample.shape[0] == 0:
        raise ValueError(f"per_sample must be a matrix (N, d) with N >= 1, got shape {tuple(per_sample.shape)}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size}")

    n_samples = per_sample.shape[0]
    # Centring before squaring avoids the cancellation of E|g|^2 - |E g|^2 when the mean is large. Dividing by N rather
    # than N - 1 is not a matter of taste: the batch is drawn from exactly these N rows, so their mean is known.
    centred = per_sample - per_sample.mean(dim=0)
    trace = centred.square().sum().item() / n_samples
    variance = trace / batch_size
    if not replacement and n_samples > 1:
        # Rows already in the batch cannot come again, so draws are negatively correlated; at B = N nothing is left to chance.
        variance *= (n_samples - batch_size) / (n_samples - 1)
    return variance
    ### END SOLUTION


# %% [markdown] statement="so-sgd" lesson="the lesson's [object of study](../../course/1_stochastic_optimization/1_intuition.ipynb#2-The-object:-parameters,-objective,-algorithm,-diagnostic)"
# *Two training loops share data, seed and schedule, yet their curves differ from the second step on. Which of them reads the learning rate
# one step late?*
#
# Write the loop that leaves no doubt. With the oracle $g$ and the schedule $\eta$,
#
# $$\theta_{t+1} = \theta_t - \eta_t\, g(\theta_t, t), \qquad t = 0, 1, \dots, T - 1 .$$
#
# - `grad(theta, t)` returns a tensor of shape $(d,)$, `lr(t)` a float; both count $t$ from 0. `theta0` $(d,)$ starts the run and
#   `steps` is $T$.
# - Returns the trajectory $(T + 1, d)$: row $t$ is $\theta_t$, hence row 0 equals `theta0`. `steps = 0` gives that single row.
# - The oracle may be random (it usually draws a minibatch), so ask it once a step, in order.
# - Negative `steps`: `ValueError`. Optimizers from `torch.optim` earn nothing here.
#
# ```python
# trajectory = sgd(lambda theta, t: theta, torch.tensor([1.0, -2.0]), lambda t: 0.5 / (t + 1), steps=2)
# trajectory.shape  # torch.Size([3, 2])
# trajectory[1]     # tensor([ 0.5000, -1.0000])
# trajectory[2]     # tensor([ 0.3750, -0.7500])
# ```
#
# <details><summary>Hint</summary>
#
# A list keeps references, not copies: ask yourself what the earlier entries show after `theta -= …` has run. An update that builds a
# new tensor has no such problem.
# </details>


# %% solution="so-sgd"
def sgd(grad, theta0, lr, steps):
    """Trajectory (steps + 1, d) of stochastic gradient descent from theta0 (d,).

    grad(theta, t) -> (d,) and lr(t) -> float are callables; the optimizer step t runs from 0 to steps - 1.
    Raises ValueError naming steps when it is negative.
    """
    ### BEGIN SOLUTION
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")

    theta = theta0
    trajectory = [theta]
    for t in range(steps):
        # The learning rate is read before the step it belongs to: eta_0 moves theta_0. Reading it after the step is a
        # common schedule bug, because a slowly varying schedule hides it everywhere but in the warmup.
        # Building a new tensor (no "-=") leaves theta0 and the iterates already in the list as they were.
        theta = theta - lr(t) * grad(theta, t)
        trajectory.append(theta)
    # stack copies, so the result shares no memory with theta0 either.
    return torch.stack(trajectory)
    ### END SOLUTION


# %% [markdown] statement="so-samples-to-target" lesson="read first: []"
# *The run with the large batch needed fewer steps. Did it also need less data?*
#
# Steps cost time, samples cost compute, and only a count of samples compares batch sizes fairly. With $L_t$ the loss after $t$ steps of
# batch size $B$, the cost of reaching a target is
#
# $$E = B \cdot \min\{\, t \ge 0 : L_t \le \text{target} \,\} .$$
#
# - `losses` is a list of floats or a one-dimensional tensor. Its first entry was measured before any step was taken.
# - Losses of minibatches go up and down: what counts is the first time the target is met, whatever comes later.
# - Returns an `int`, or `None` if the target is never met.
# - `ValueError` when `losses` is empty and when `batch_size` is not positive.
#
# ```python
# losses = [3.0, 2.2, 1.5, 1.6, 0.9]
# samples_to_target(losses, 32, target=1.5)  # 64
# samples_to_target(losses, 32, target=0.5)  # None
# ```
#
# <details><summary>Hint</summary>
#
# How many gradients had been computed at the moment `losses[k]` was measured? Try $k = 0$ before you write the general case.
# </details>


# %% solution="so-samples-to-target"
def samples_to_target(losses, batch_size, target):
    """Samples seen when the loss first is <= target, as an int; None if it never is.

    losses: list or 1-D tensor, losses[t] measured after t steps of batch_size samples each.
    Raises ValueError naming losses when there are none, batch_size when it is not positive.
    """
    ### BEGIN SOLUTION
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size}")
    if len(losses) == 0:
        raise ValueError("losses is empty: there is no loss to compare with the target")

    # enumerate counts the steps taken before each measurement: none before losses[0], so no "+ 1" belongs here.
    for step, loss in enumerate(losses):
        # A diverged run reports NaN, and NaN <= target is False: it never counts as success.
        if float(loss) <= target:
            return step * batch_size
    # None cannot be mistaken for a cost. With 0 or -1 in its place a failed run would win every comparison.
    return None
    ### END SOLUTION


# %% [markdown] statement="so-critical-batch-knee" lesson="background: []"
# *You are offered twice the accelerators. Will doubling the batch nearly halve the number of steps, or are you past the point where
# averaging helps?*
#
# A minibatch gradient is signal plus noise. The noise has the strength of the signal at the batch size
#
# $$B_{\text{simple}} = \frac{\operatorname{tr}\Sigma}{\lVert \bar g \rVert^2}, \qquad
# \bar g = \frac1N\sum_{i=1}^N g_i, \quad \Sigma = \frac1N\sum_{i=1}^N (g_i-\bar g)(g_i-\bar g)^\top ,$$
#
# well below it more samples are nearly free speed, well above it they are mostly wasted.
#
# - `per_sample` $(N, d)$, one gradient a row. Returns a float.
# - At a stationary point the mean gradient is exactly zero and no batch is large enough: return `float("inf")`.
# - Refuse anything but a matrix with at least one row (`ValueError` about `per_sample`).
#
# ```python
# simple_critical_batch(torch.tensor([[3.0, 1.0], [1.0, 1.0], [2.0, 4.0]]))  # about 0.3333
# ```
#
# <details><summary>Hint</summary>
#
# Both parts are single numbers, so reduce each fully before you divide. Scaling all gradients by 10 must leave the result alone: a quick test
# for a forgotten square.
# </details>


# %% solution="so-critical-batch-knee"
def simple_critical_batch(per_sample):
    """Simple noise scale tr(Cov) / norm(mean)^2 of per_sample (N, d), a float in units of samples.

    Population covariance; inf when the mean gradient is zero.
    Raises ValueError naming per_sample when it is not a matrix with rows.
    """
    ### BEGIN SOLUTION
    if per_sample.ndim != 2 or len(per_sample) == 0:
        raise ValueError(f"per_sample must be a matrix (N, d) with N >= 1, got shape {tuple(per_sample.shape)}")

    mean = per_sample.mean(dim=0)
    # Squared norm as a sum of squares: taking the root only to square it again costs accuracy and reads worse.
    signal = mean.square().sum().item()
    if signal == 0.0:
        return float("inf")
    # Sum over coordinates and mean over samples. Averaging over coordinates too would make the answer depend on d.
    noise = (per_sample - mean).square().sum(dim=1).mean().item()
    return noise / signal
    ### END SOLUTION


# %% [markdown] statement="so-robbins-monro" lesson="goes with the []"
# *With a constant learning rate the loss hangs at a floor. Decay it too fast and the run stops short of the optimum. How fast is
# right?*
#
# Robbins and Monro (1951) ask for $\sum_t \eta_t = \infty$, so that the iterates can travel any distance, and for
# $\sum_t \eta_t^2 < \infty$, so that the noise they pick up dies out. Among the schedules
#
# $$\eta_t = \frac{c}{(t + t_0)^{p}}, \qquad t = 0, 1, 2, \dots$$
#
# both hold exactly when $\tfrac12 < p \le 1$. Two functions:
#
# - `robbins_monro(c, t0, power=1.0)` returns a function of the optimizer step: given `t`, it computes $\eta_t$ as a float. Calls may come in
#   any order and more than once.
# - `satisfies_robbins_monro(power)` returns `True` or `False`.
# - A negative `t0` is refused at once, when the schedule is built. The rate is undefined where $t + t_0 \le 0$: calling the schedule
#   there raises a `ValueError` naming `t` or `t0`. Hence `t0 = 0` is a fine schedule from step 1 on.
#
# ```python
# schedule = robbins_monro(1.0, t0=4, power=0.5)
# schedule(0), schedule(5)       # (0.5, 0.3333333333333333)
# satisfies_robbins_monro(0.75)  # True
# ```
#
# <details><summary>Hint</summary>
#
# A function defined inside another keeps the values it was defined with. For the second part compare both sums with
# $\int_1^\infty t^{-q}\,\mathrm dt$, and treat the two ends of the interval separately.
# </details>


# %% solution="so-robbins-monro"
def robbins_monro(c, t0, power=1.0):
    """Schedule t -> c / (t + t0)**power, a callable from the optimizer step (int) to the learning rate (float).

    Raises ValueError naming t0 when it is negative; the schedule itself raises one when t + t0 <= 0.
    """
    ### BEGIN SOLUTION
    if t0 < 0:
        raise ValueError(f"t0 must not be negative, got {t0}")

    def schedule(t):
        # The offset t0 delays the decay: without it the rate halves between t = 1 and t = 2, long before the transient is over.
        if t + t0 <= 0:
            raise ValueError(f"t + t0 must be positive, got t = {t} and t0 = {t0}")
        return c / (t + t0) ** power

    return schedule
    ### END SOLUTION


def satisfies_robbins_monro(power):
    """Whether the steps c / (t + t0)**power sum to infinity while their squares have a finite sum."""
    ### BEGIN SOLUTION
    # sum t^-p diverges for p <= 1 (at p = 1 it is the harmonic series, which still diverges, as log t).
    # sum t^-2p converges for 2p > 1; at p = 1/2 it is that same harmonic series, so this end is excluded.
    return 0.5 < power <= 1.0
    ### END SOLUTION
