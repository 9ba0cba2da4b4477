# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] locked="geometry-and-guarantees-opening"
# # 1.3 Geometry and guarantees: assignment
#
# Five predictions that can be made before a run: how long a minibatch gradient is, what one step gains at least, where the iterates
# settle, at which learning rate they stop settling, and how fast they come near the optimum. Each is a line or two of code; the work is in
# knowing which factor belongs where. The derivations are in
# <a href="../../course/1_stochastic_optimization/3_geometry_and_guarantees.ipynb">1.3 Geometry and guarantees</a>.
#
# **How to work.** Fill in a cell, run it, run the check under it. Where a formula surprises you, try the limits first: no noise, a huge
# batch, a tiny learning rate. The hidden tests do the same with inputs of their own.
#
# **House rules.** Numbers are Python floats, vectors `torch.float64` tensors. Arguments stay unchanged; a senseless one is answered by a
# `ValueError` with its name, and where the fault lies between two, with either.
#
# **Handing in.** Restart, run everything, save under the same name, submit. Only your own cells are kept; the locked ones are put back.

# %% locked="geometry-and-guarantees-setup"
import torch

from autograde import check

# %% [markdown] statement="so-expected-square-norm" lesson="from <a>"
# *The logged gradient norm stays near 4 while the loss has long stopped falling. Is there still a slope to follow?*
#
# The noise of an unbiased oracle is orthogonal to the signal on average, so by Pythagoras
#
# $$\mathbb E\,\lVert g_{\mathcal B} \rVert^2 = \lVert \nabla f \rVert^2 + \frac{\operatorname{tr}\Sigma}{B} .$$
#
# - `mean_grad` $(d,)$ is $\nabla f$, `cov_trace` is $\operatorname{tr}\Sigma$, the trace of the covariance of the gradient of *one* sample, and
#   `batch_size` is $B$, drawn with replacement. Returns a float.
# - `ValueError` for a batch size below one and for a negative `cov_trace`.
#
# ```python
# mean_grad = torch.tensor([0.6, 0.0, -0.8])
# expected_square_norm(mean_grad, cov_trace=60.0, batch_size=4)    # 16.0
# expected_square_norm(mean_grad, cov_trace=60.0, batch_size=240)  # 1.25
# ```
#
# <details><summary>Hint</summary>
#
# Expand $\lVert \nabla f + \zeta \rVert^2$ and take expectations term by term. The cross term is gone for one reason, and it is not that the noise is
# small.
# </details>


# %% solution="so-expected-square-norm"
def expected_square_norm(mean_grad, cov_trace, batch_size):
    """E norm(g_B)^2 of an unbiased minibatch gradient with mean mean_grad (d,), a float.

    cov_trace is the trace of the covariance for one sample. Raises ValueError naming batch_size when it is not
    positive, cov_trace when it is negative.
    """
    ### BEGIN SOLUTION
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size}")
    if cov_trace < 0:
        raise ValueError(f"cov_trace must not be negative, got {cov_trace}: it is a sum of variances")

    # Averaging B samples divides the noise by B and leaves the signal alone. So a long minibatch gradient says little about
    # how far the optimum is: at the optimum itself this sum is still tr Sigma / B.
    return mean_grad.square().sum().item() + cov_trace / batch_size
    ### END SOLUTION


# %% [markdown] statement="so-descent-bound" lesson="proved in <a>"
# *One more step: will the loss go down on average, or does the noise cost more than the gradient gains?*
#
# Let $f$ have an $L$-Lipschitz gradient. One step $\theta^+ = \theta - \eta\, g_{\mathcal B}$ along an unbiased gradient satisfies
#
# $$\mathbb E\, f(\theta^+) \le f(\theta) - \eta \left(1 - \frac{\eta L}{2}\right) \lVert \nabla f(\theta) \rVert^2
# + \frac{\eta^2 L}{2} \cdot \frac{\operatorname{tr}\Sigma}{B} .$$
#
# Return the right-hand side.
#
# - All six arguments are numbers: `f` is $f(\theta)$, `grad_sq` is $\lVert\nabla f(\theta)\rVert^2$ (squared already), `lr` is $\eta$, `cov_trace` is
#   $\operatorname{tr}\Sigma$ for one sample, `batch_size` is $B$. Returns a float.
# - The lemma holds for any $\eta \ge 0$. Beyond $2/L$ it promises no descent, but it still is a bound: return it as it is.
# - `ValueError` when `batch_size` is below one, or `lr` or `cov_trace` negative.
#
# ```python
# descent_bound(f=5.0, grad_sq=2.0, lr=0.25, L=4.0, cov_trace=8.0, batch_size=16)  # 4.8125
# descent_bound(f=5.0, grad_sq=2.0, lr=0.25, L=4.0, cov_trace=8.0, batch_size=1)   # 5.75
# ```
#
# <details><summary>Hint</summary>
#
# Start from $f(\theta^+) \le f(\theta) + \nabla f(\theta)^\top(\theta^+ - \theta) + \frac L2 \lVert\theta^+ - \theta\rVert^2$ and put the previous exercise into the
# last term. Both halves then come from the same place.
# </details>


# %% solution="so-descent-bound"
def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):
    """Upper bound, a float, on the expected objective after one SGD step from a point with value f.

    grad_sq: squared norm of the full gradient there; L: Lipschitz constant of the gradient; cov_trace: for one sample.
    Raises ValueError naming batch_size when it is not positive, lr or cov_trace when it is negative.
    """
    ### BEGIN SOLUTION
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size}")
    if lr < 0:
        raise ValueError(f"lr must not be negative, got {lr}")
    if cov_trace < 0:
        raise ValueError(f"cov_trace must not be negative, got {cov_trace}")

    # First order: the noise averages out, so descent is that of the full gradient.
    first_order = lr * grad_sq
    # Second order: curvature charges for the squared length of the step, and there the noise does count. It is quadratic in
    # lr while the gain is linear, which is why a smaller rate (or a larger batch) always restores descent, except where
    # grad_sq = 0.
    second_order = 0.5 * L * lr**2 * (grad_sq + cov_trace / batch_size)
    return f - first_order + second_order
    ### END SOLUTION


# %% [markdown] statement="so-steady-state" lesson="theory: <a>"
# *You add momentum 0.9 at the same learning rate and the loss floor rises tenfold. A bug, or what should happen?*
#
# On a quadratic with additive gradient noise every eigendirection of the Hessian moves by itself. With the error $\theta_i$ in direction $i$,
# independent noise $\zeta_t$ of variance $\sigma_i^2 / B$, and heavy-ball momentum in PyTorch's form,
#
# $$v \leftarrow \beta v + \lambda_i\theta_i + \zeta_t, \qquad \theta_i \leftarrow \theta_i - \eta v,$$
#
# the variance of $\theta_i$ converges to
#
# $$s_i = \frac{\eta\,\sigma_i^2\,(1 + \beta)}{B\,\lambda_i\,(1 - \beta)\,\bigl(2(1 + \beta) - \eta\lambda_i\bigr)}
# \qquad\text{if } 0 < \eta\lambda_i < 2(1 + \beta), \text{ and not at all otherwise.}$$
#
# - `eigs` $(d,)$ holds the $\lambda_i$; `noise_var` is $\sigma_i^2$ for one sample, a float for all directions or a tensor $(d,)$; `lr` is $\eta$,
#   `momentum` is $\beta$. Returns $(d,)$.
# - One unstable direction spoils the run: raise a `ValueError` (naming `lr`, `eigs` or `momentum`) if *any* $\lambda_i$ violates the condition.
# - `ValueError` also for a batch size below one, a `momentum` outside $[0, 1)$, a negative `noise_var`, and a `noise_var` tensor of another length.
#
# ```python
# eigs = torch.tensor([1.0, 4.0])
# steady_state_variance(eigs, noise_var=3.0, lr=0.25, batch_size=2)                # tensor([0.2143, 0.0938])
# steady_state_variance(eigs, noise_var=3.0, lr=0.25, batch_size=2, momentum=0.5)  # tensor([0.4091, 0.1406])
# ```
#
# <details><summary>Hint</summary>
#
# Test yourself without momentum: from $s = (1 - \eta\lambda)^2 s + \eta^2\sigma^2/B$ follows $s$ in two lines. With momentum the range of stable
# rates grows, so a check written for $\beta = 0$ refuses too much.
# </details>


# %% solution="so-steady-state"
def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    """Stationary variance (d,) of SGD with heavy-ball momentum along the eigendirections of a quadratic.

    eigs (d,), noise_var a float or (d,) for one sample. Raises ValueError naming the argument when batch_size is not
    positive, momentum is outside [0, 1), noise_var is negative or of another length, or a direction is unstable (lr).
    """
    ### BEGIN SOLUTION
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size}")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must lie in [0, 1), got {momentum}")
    noise_var = torch.as_tensor(noise_var, dtype=eigs.dtype)
    if noise_var.ndim > 0 and noise_var.shape != eigs.shape:
        raise ValueError(f"noise_var must be a number or have shape {tuple(eigs.shape)}")
    if (noise_var < 0).any():
        raise ValueError("noise_var must not be negative")
    # With momentum the two eigenvalues of the update leave the unit circle at lr lambda = 2 (1 + beta). A direction with
    # lambda <= 0 has nothing that pulls it back, whatever the rate.
    if (eigs <= 0).any() or (lr * eigs >= 2 * (1 + momentum)).any():
        raise ValueError(f"lr = {lr} is unstable: 0 < lr * eigs < {2 * (1 + momentum)} must hold in every direction")

    # For small lr this is (lr / (1 - beta)) sigma^2 / (2 B lambda): momentum acts like a rate 1/(1 - beta) times as large.
    # The rest of the formula is the correction near the edge of stability.
    gain = (1 + momentum) / (1 - momentum)
    return lr * noise_var * gain / (batch_size * eigs * (2 * (1 + momentum) - lr * eigs))
    ### END SOLUTION


# %% [markdown] statement="so-max-stable-lr" lesson="where it breaks: <a>"
# *Full-batch gradient descent runs happily at this learning rate. With four samples a step it blows up, although the labels contain no noise at
# all. How can that be?*
#
# Fit $y = x\theta^\ast$ by least squares with scalar inputs $x \sim \mathcal N(0, \lambda)$. The minibatch Hessian $h = \frac1B \sum_b x_b^2$ is random,
# with $\mathbb E\,h = \lambda$ and $\operatorname{Var} h = 2\lambda^2/B$. Every step multiplies the error by $1 - \eta h$, hence its second moment by
#
# $$\mathbb E\,(1 - \eta h)^2 = 1 - 2\eta\lambda + \eta^2\lambda^2\left(1 + \frac2B\right).$$
#
# This is below one, and the mean squared error shrinks, exactly for learning rates $0 < \eta < \eta_{\max}$ with
#
# $$\eta_{\max} = \frac{2}{\lambda\,(1 + 2/B)} .$$
#
# - `lam` is $\lambda$, `batch_size` is $B$. Returns $\eta_{\max}$ as a float.
# - `ValueError` if `lam` is zero or negative, or `batch_size` below one.
#
# ```python
# max_stable_lr(0.5, 4)  # about 2.6667
# max_stable_lr(0.5, 1)  # about 1.3333
# ```
#
# <details><summary>Hint</summary>
#
# The quadratic in $\eta$ equals one at $\eta = 0$ and at one other place. Two checks: a very large batch gives $2/\lambda$ back, a single sample
# a third of it.
# </details>


# %% solution="so-max-stable-lr"
def max_stable_lr(lam, batch_size):
    """Largest learning rate, a float, with a shrinking mean squared error: 1-D least squares, Gaussian inputs.

    lam is the variance of the inputs, and there is no label noise. Raises ValueError naming lam or batch_size when it
    is not positive.
    """
    ### BEGIN SOLUTION
    if lam <= 0:
        raise ValueError(f"lam must be positive, got {lam}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size}")

    # The 2/B is the relative variance of a mean of B squared Gaussians (E x^4 = 3 lam^2, minus lam^2). Noise that multiplies
    # the error, unlike additive noise, decides whether the run converges and not only where it settles.
    return 2 / (lam * (1 + 2 / batch_size))
    ### END SOLUTION


# %% [markdown] statement="so-strongly-convex-bound" lesson="template: <a>"
# *After how many steps is it pointless to go on at this learning rate?*
#
# For a $\mu$-strongly convex objective, an unbiased gradient whose noise has trace at most $\sigma^2$ for one sample, and a small enough constant learning
# rate, the proof of the lesson ends in
#
# $$\mathbb E\,\lVert\theta_t - \theta^\ast\rVert^2 \le (1 - \eta\mu)^t\, \lVert\theta_0 - \theta^\ast\rVert^2 + \frac{\eta\,\sigma^2}{\mu B} ,$$
#
# a start that is forgotten geometrically and a floor that is there from the first step on. Return the right-hand side.
#
# - `d0_sq` is the squared initial distance, `lr` is $\eta$, `mu` is $\mu$, `noise_trace` is $\sigma^2$, `batch_size` is $B$, `steps` is $t$. Returns a float.
# - Evaluate the expression for every `lr`, also for $\eta\mu > 1$, where it no longer comes from the proof.
# - `ValueError`: `batch_size` below one, `mu` not positive, `steps` negative, `lr`, `d0_sq` or `noise_trace` negative.
#
# ```python
# strongly_convex_bound(9.0, lr=0.5, mu=0.5, noise_trace=6.0, batch_size=8, steps=2)  # 5.8125
# strongly_convex_bound(9.0, lr=0.5, mu=0.5, noise_trace=6.0, batch_size=8, steps=0)  # 9.75
# ```
#
# <details><summary>Hint</summary>
#
# Two terms, and only one of them knows $t$. The floor is what a geometric series $1 + q + q^2 + \dots$ of noise adds up to at most.
# </details>


# %% solution="so-strongly-convex-bound"
def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    """Bound, a float, on the expected squared distance to the optimum after `steps` SGD steps of constant rate lr.

    d0_sq: squared distance at the start; mu: strong convexity; noise_trace: for one sample. Raises ValueError naming
    batch_size or mu when it is not positive, steps, lr, d0_sq or noise_trace when it is negative.
    """
    ### BEGIN SOLUTION
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size}")
    if mu <= 0:
        raise ValueError(f"mu must be positive, got {mu}: without strong convexity there is no rate")
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    for name, value in (("lr", lr), ("d0_sq", d0_sq), ("noise_trace", noise_trace)):
        if value < 0:
            raise ValueError(f"{name} must not be negative, got {value}")

    # Each step contracts the squared distance by 1 - lr mu (not its square: the proof spends the other factor on the
    # curvature term) and adds lr^2 sigma^2 / B.
    transient = (1 - lr * mu) ** steps * d0_sq
    # lr^2 sigma^2 / B summed over a geometric series with ratio 1 - lr mu, taken to infinity: divide by lr mu. A smaller rate
    # lowers the floor and slows the transient in the same proportion, which is the whole case for decaying it.
    floor = lr * noise_trace / (mu * batch_size)
    return transient + floor
    ### END SOLUTION
